"""Failures before there is a connection to the database."""

from __future__ import annotations

import re

from migops.commands.failures.causes import database_of, url_of, user_of
from migops.commands.failures.connection_steps import clients, name_server, start_server
from migops.commands.failures.failure import Changes, Failure, Step
from migops.commands.failures.inputs import server

_SETTINGS = Step(
    "see where the service's settings come from",
    ("migops", "config", "--explain", "services.{service}.environment"),
)


CONNECTION: tuple[Failure, ...] = (
    Failure(
        "server-starting",
        re.compile(
            r"the database system is (?:starting up|not (?:yet )?accepting connections|in recovery mode|shutting down)|"
            r"CannotConnectNowError|Server shutdown in progress"
        ),
        "the database server is up, but does not accept connections yet: it is starting, recovering or stopping",
        cause=server,
        look=start_server,
        fix=(Step("wait until it accepts connections"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "too-many-connections",
        re.compile(
            r"sorry, too many clients already|remaining connection slots are reserved|[Tt]oo many connections|"
            r"TooManyConnections|max_user_connections"
        ),
        "the server has no free connection: what else is connected holds all that it allows",
        cause=url_of,
        look=clients,
        fix=(Step("lower the number of connections (pool_size × workers × containers), or raise the server's limit"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "tls-not-supported",
        re.compile(
            r"server does not support SSL, but SSL was required|rejected SSL upgrade|SSL connection error: SSL is "
            r"required"
            r", but the server does not support it|TLS/SSL error: SSL is required, but the server does not support it"
        ),
        "the URL asks for an encrypted connection, and the server has no TLS: so it is with the official images",
        cause=url_of,
        fix=(
            Step(
                "in the URL, write sslmode=prefer instead of sslmode=require (asyncpg: leave out ssl=require), or set "
                "up TLS in the server"
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "driver-option",
        re.compile(
            r"connect\(\) got an unexpected keyword argument '(?P<option>\w{1,60})'|"
            r"Connection\.__init__\(\) got an unexpected keyword argument '(?P<option2>\w{1,60})'|"
            r"invalid (?:dsn: invalid )?(?:connection|URI) (?:option|query parameter):? \"(?P<option3>\w{1,60})\""
        ),
        "the URL has an option, after its ?, that its driver does not know",
        cause=url_of,
        fix=(
            Step(
                "take the option out of the URL, or write the driver's own: sslmode=require is of psycopg, "
                "psycopg2 and "
                "libpq; asyncpg has ssl=require"
            ),
            _SETTINGS,
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "no-such-user",
        re.compile(
            r"(?:FATAL: +|'C': '28000'[^\n]{0,80}|InvalidAuthorizationSpecification\w*'?>?: )role "
            r"\"(?P<name>[\w.$-]{1,63})\" "
            r"(?:does not exist|is not permitted to log in)"
        ),
        "the database server answers, but has no such user",
        cause=user_of,
        fix=(
            Step(
                "write the server's user into the URL. POSTGRES_USER counts only when the server initializes an empty "
                "data folder: for an existing volume, create the role in the server; do not delete the volume"
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "address-not-allowed",
        re.compile(
            r"no pg_hba\.conf entry for|pg_hba\.conf rejects connection|Host '[^'\n]{1,253}' is not allowed to connect"
        ),
        "the server answers, but does not let this user in from this address",
        cause=user_of,
        fix=(
            Step(
                "allow it in the server (PostgreSQL: a line in pg_hba.conf, then SELECT pg_reload_conf()), or correct "
                "the URL's user and database"
            ),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "no-database-grant",
        re.compile(r"\b1044 \(42000\)|Access denied for user '[^'\n]{1,80}'@'[^'\n]{1,253}' to database"),
        "the server (MySQL, MariaDB) knows the user, but this user has no rights on that database",
        cause=url_of,
        fix=(Step("as the server's root user, grant them: GRANT ALL ON `database`.* TO 'user'@'%'"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "mysql-access-denied",
        re.compile(r"Access denied for user '"),
        "the server (MySQL, MariaDB) answers but rejects this user or its password",
        cause=url_of,
        fix=(
            Step(
                "compare user and password in the service's URL with the server's; the URL comes from this environment",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
            Step(
                "MYSQL_USER and MYSQL_PASSWORD count only when the server initializes an empty data folder: for an "
                "existing volume, use ALTER USER in the server; do not delete the volume"
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "password-refused",
        re.compile(
            r"password authentication failed for user \"?(?:[\w.-]{1,63})|InvalidPasswordError|no password supplied|"
            r"[Pp]assword is required|password was not provided"
        ),
        "the database server answers but rejects this user's password",
        cause=server,
        fix=(
            Step(
                "compare the password in the service's URL with the server's; the URL comes from this environment",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
            Step(
                "POSTGRES_PASSWORD counts only when the server initializes an empty data folder: for an existing "
                "volume, set the password with ALTER ROLE in the server; do not delete the volume"
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "no-such-database",
        re.compile(r"database \"(?:[^\"\n]{1,63})\" does not exist|Unknown database '(?:[^'\n]{1,64})'"),
        "the server answers, but has no database with the name at the end of the URL",
        cause=database_of,
        fix=(
            Step(
                "POSTGRES_DB (MYSQL_DATABASE) counts only when the server initializes an empty data folder: create the "
                "database in the server, or fix the URL"
            ),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "name-not-resolved",
        re.compile(
            r"(?:could not translate host name \"|failed to resolve host '|Can't connect to (?:MySQL )?server on "
            r"'(?=[^\n]*"
            r"(?:not known|resolution|No address))|Unknown (?:MySQL )?server host ')(?P<host>[\w.-]{1,253})|"
            r"Name or service not known|Temporary failure in name resolution|nodename nor servname|"
            r"No address associated with hostname|Name does not resolve"
        ),
        "the host name in the database URL cannot be resolved where Alembic runs",
        cause=server,
        fix=(
            Step("start the service's dependencies", ("{compose}", "up", "-d", "--wait", "{host}")),
            Step("if it is running: both need a common network, and the URL's host must be the database service"),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "connection-timeout",
        re.compile(
            r"timeout expired|[Cc]onnection timed out|Can't connect to [^\n]*(?:timed out|\(110\))|"
            r"QueuePool limit of|(?<![\w.])(?:asyncio\.(?:exceptions\.)?)?TimeoutError\b|ConnectionTimeout\b"
        ),
        "no answer came from the address in the database URL in time: a wrong address, a firewall, or a busy server",
        cause=server,
        fix=(
            Step(
                "compare host and port in the service's URL with the server's; inside the compose network, the host is "
                "the service's name",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
            Step("if both are right: both services need a common network"),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "connection-refused",
        re.compile(
            r"(?:connection to server at \"|Can't connect to (?:MySQL )?server on ')(?P<host>[\w.:-]{1,253})[\"'][^\n]*"
            r"(?:refused|\(111\)|\(115\))|Connection refused|Connect call failed|"
            r"Can't connect to local (?:MySQL )?server through socket|connection to server on socket [^\n]{1,200} "
            r"failed"
        ),
        "nothing listens at the address in the database URL: the server is not started, not ready, or elsewhere",
        cause=server,
        look=name_server,
        fix=(
            Step("start the server and wait until it is healthy", ("{compose}", "up", "-d", "--wait", "{host}")),
            Step("inside the compose network, use the container's own port (5432; MySQL: 3306), not the published one"),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "connection-lost",
        re.compile(
            r"server closed the connection unexpectedly|terminating connection due to (?:administrator command|"
            r"unexpected)|"
            r"SSL connection has been closed unexpectedly|Lost connection to (?:MySQL )?server|server has gone away|"
            r"connection was closed in the middle of operation|ConnectionDoesNotExistError|AdminShutdown"
        ),
        "the connection was lost while it was in use: the server stopped, or someone ended the session",
        cause=server,
        look=start_server,
        fix=(Step("see why the server stopped in its log, and wait until it accepts connections"),),
        changes=Changes.NOTHING,
    ),
)
