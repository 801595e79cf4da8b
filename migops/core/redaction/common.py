"""The words that servers, drivers, Alembic, Python and Docker say of themselves, as their messages have them.

A password that is one of them cannot be told from the message by its value: hidden there, "password authentication
failed" would read "*** authentication failed". Real passwords are no such words; where one is, form alone hides it.
"""

from __future__ import annotations

_SERVER = """
aborted abort access accessed action active add address admin after again alias all allowed already alter always
ambiguous an and any application argument arguments array as at attempted attribute auth authenticate authenticated
authentication authorization available backend background bad base be because before begin being binary bind block
blocked branch buffer but by bytes cache called canceled cancelled cannot cascade case cast catalog certificate change
changed changes channel character check checkpoint class clause cleartext client close closed cluster code collation
collision column columns command commands comment commit committed complete completed concurrent concurrently config
configuration conflict connect connected connecting connection connections constraint constraints contains content
context control conversion copy corrupted could count create created credential credentials crypt current cursor data
database databases datatype date datetime deadlock default delete denied depend depends detail details detected did
directory disabled disconnect disk dispatch division do document does domain down drop dropped dump duplicate dynamic
element empty enabled encoding encrypt encrypted encryption end ended engine entries entry enum error errors escape
event exceeded exception exclusion exclusive executed execute execution exist existing exists exit exited expected
expired expression extension external extra failed failure fatal feature field file files find finished first for
foreign format found from full function gone got grant group guest handle has have head heads hint host hostaddr
hostname id identifier identity idle if ignored in index initial initialize input insert instance insufficient integer
integrity internal interval into invalid invocation is isolation it item json key keys kill large last length level
limit line lines list listen local localhost location lock locked locks log login long lost main maintenance many map
match maximum memory message method migrate migration migrations minimum missing mode module more must name names
network new next no node none not nothing notice now null number object objects of off offset old on one only open
operation operator option options or order out output over owner page panic parameter parameters parse parser partition
pass passfile passphrase password passwords passwd path peer pending permission permissions permitted pid pipe plan
plugin pool port position prepare prepared previous primary private privilege privileges procedure process program
prohibited protocol provided public query range read reached reading ready reason receive received record recovery
recursion reference references refused register rejected relation release remaining remote rename replica replication
request required reserved reset resolve resource resources response restart restore restrict result retry return
returned revision revisions revoke role roles rollback rolled root routine row rows rule running same savepoint scalar
schema schemas script search secret secrets select send sent sequence server service session sessions set setting
settings shared shutdown shutting signal size slot snapshot socket space specified specification ssl standby start
started starting state statement statements static status still stop stopped storage string superuser supplied
supported syntax system table tables tablespace target temporary terminate terminated terminating termination text than
that the time timed timeout timestamp tls to token tokens too transaction transactions translate trigger triggers
truncate truncated trust trying type types unable undefined unexpected unique unknown unsupported until update upgrade
uptodate url usage use used user username users using vacuum valid value values version view views violated violates
violation volume wait waiting waits warning was were while with without worker write writing wrong yes yet your zero
zone
"""
_TOOLS = """
alembic alert apk app apt args asyncpg autogenerate build builder building buildkit cached call cert clean clone compose
container containers copying cmd critical daemon debian debug dependency deploy dev dict django docker dockerfile
downgrade download driver entrypoint env environment example exporting extracting false fastapi fetch flask git
healthcheck healthy http https image images import info installed installing int kwargs latest layer load mariadb
middleware most mysql object pg pip pooler postgis postgres postgresql print prod production psql psycopg psycopg2 pull
pulled pulling push python raise raised recent redis registry removed removing resolved revision run shell sleep
sqlalchemy sqlite stack staging stderr stdin stdout step str tag test testing tests traceback true unhealthy up web
worker md5 scram sha256 sslmode prefer require disable allow verify
"""
COMMON = frozenset((*_SERVER.split(), *_TOOLS.split()))
