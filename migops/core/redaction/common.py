"""The words that servers, drivers, Alembic, Python and Docker say of themselves, as their messages have them.

A password that is one of them cannot be told from the message by its value: hidden there, "password authentication
failed" would read "*** authentication failed". Real passwords are no such words; where one is, form alone hides it.
"""

from __future__ import annotations

_SERVER = """
abnormally abort aborted accepting access accessed action active add address admin administrator after again agent
alias all allowed allows already alter always ambiguous an and any application argument arguments array as at attempt
attempted attempts attribute auth authenticate authenticated authentication authorization automatically available await
away back backend background bad base based batch be because been before begin being binary bind binding block blocked
branch branches broken buffer but by bytes cache caching called canceled canceling cancelled cannot cascade case cast
catalog certificate change changed changes channel character check checkpoint child class clause cleartext client
clients close closed cluster code collation collision column columns command commands comment commit committed compile
complete completed concurrent concurrently conf config configuration conflict connect connected connecting connection
connections connector consistent constraint constraints contains content context control conversion copy corrupted
could couldn count crash create created credential credentials crypt current cursor data database databases datatype
date datetime deadlock declare default define defined definition delete denied depend dependent depends descriptor
detail details detected dialect dialects did directly directory disabled disconnect disk dispatch division do document
does doesn domain down drop dropped dump duplicate duplicated during dynamic element empty enabled encoding encrypt
encrypted encryption end ended engine entries entry enum errno error errors escape event exceeded exception exceptions
exclusion exclusive executable execute executed execution exist existing exists exit exited exiting expected expired
expression extension external extra failed fails failure fatal feature field file files find finished first follow
followed for forbidden foreign format formed found from frozen full function further generate generating given gone got
grant greenlet group guest handle has have head heads here hint host hostaddr hostname id identified identifier
identity idle if ignored implementation implemented import in incompatible incorrectly index information init initial
initialize input inputs insert inside instance insufficient integer integrity interface internal interpolation
interrupted interval into invalid invocation involuntary is isolation it item json key keys keyword kill killed known
large last least length level levels library limit line lines list listen load loaded local localhost locate location
lock locked locks log login long loop lost made main maintenance many map match matching maximum mean means memory
merge message metadata method methods middle might migrate migration migrations minimum mismatch missing mode model
module more move multiple must name named names narrow near need needed network new next no node none not nothing
notice now null number object objects of off offset old on one only open operation operational operator option options
or order other out output over overflow overlap overlaps owner ownership package page panic parameter parameters parent
parse parser partition pass passfile passphrase passwd password passwords path peer pending perform permission
permissions permitted pid pipe pipeline place plan please plugin policy pool port position prepare prepared present
previous primary private privilege privileges probably procedure proceed process program programming prohibited
protocol provide provided public query queue range reached read reading readonly ready reason receive received record
recovery recursion refer reference referenced references referencing refused register rejected relation release
remaining remote rename replica replication request requested required requires reserved reset resolution resolve
resource resources response restart restarting restore restrict result retry return returned revision revisions revoke
role roles rollback rolled root routine row rows rule running runtime same savepoint scalar schema schemas script
scripts search secret secrets select selected send sent sequence server service session sessions set setting settings
share shared should shutdown shutting signal size slot slots snapshot socket some sorry source space spawn specific
specification specified specify ssl standby start started starting startup stat state statement statements static
status still stop stopped storage strategy string such super superuser supplied support supported syntax system table
tables tablespace target task temporary terminate terminated terminating termination text than that the there they
thing this through time timed timeout timestamp tls to token tokens too transaction transactions translate trigger
triggers truncate truncated trust trying tuple type types unable undefined unexpected unexpectedly unique unknown
unsafe unsupported until update updated updating upgrade uptodate url usage use used user username users using vacuum
valid validation validations value values variable variables varying version versions view views violated violates
violation visit volume wait waiting waits warning was were when which while with within without worker wrapper write
writing wrong yes yet your zero zone
"""
_TOOLS = """
aiomysql aiosqlite alembic alert allow apk app apt args associated async asyncio asyncmy asyncpg autogenerate
branchname build builder building buildkit cached call cert clean clone cmd compose configparser container containers
copying core critical cryptography daemon debian debug declare decouple dependency deploy dev dict disable django
docker dockerfile downgrade download driver dumb emit entrypoint env environ environment environs envvar example exec
exporting extracting false fastapi fetch flask flask_migrate folder folders generated git healthcheck healthy http
https image images import info installed installing int kwargs latest layer load mariadb md5 middleware most mysql
mysqlclient mysqldb object openapi pg pgbouncer pip pooler postgis postgres postgresql prefer print prod production
psql psycopg psycopg2 pull pulled pulling push pydantic pymysql pysqlite python queuepool raise raised recent redis
registry removed removing require resolved revision run scram serial sessionmaker sha256 shell sleep sock sqlalchemy
sqlite sqlmodel sslmode stack staging stderr stdin stdout step str tag test testing tests tini traceback true unhealthy
unittest up util utils uuid varchar vector venv verify web worker wrappers
"""
COMMON = frozenset((*_SERVER.split(), *_TOOLS.split()))
