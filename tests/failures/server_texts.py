"""What servers and drivers say of the same failures: psycopg 2 and 3, asyncpg and pg8000, by themselves or wrapped by
SQLAlchemy; SQLite; MySQL and MariaDB by pymysql (which aiomysql uses), mysqlclient, asyncmy and the two connectors.

The PostgreSQL and SQLite texts are provoked by the real programs in test_postgres.py and test_sqlite.py; those of MySQL
and MariaDB are here as their drivers write them.
"""

from __future__ import annotations

EXISTS: dict[str, tuple[str, ...]] = {
    "type-exists": (
        'sqlalchemy.exc.ProgrammingError: (psycopg2.errors.DuplicateObject) type "status" already exists\n\n'
        "[SQL: CREATE TYPE status AS ENUM ('PENDING')]",
        'psycopg.errors.DuplicateObject: type "status" already exists',
        "sqlalchemy.exc.ProgrammingError: (sqlalchemy.dialects.postgresql.asyncpg.ProgrammingError) "
        "<class 'asyncpg.exceptions.DuplicateObjectError'>: type \"status\" already exists",
        'asyncpg.exceptions.DuplicateObjectError: type "status" already exists',
        "pg8000.exceptions.DatabaseError: {'S': 'ERROR', 'V': 'ERROR', 'C': '42710', 'M': 'type \"status\" already "
        "exists', 'F': 'typecmds.c', 'L': '1170', 'R': 'DefineEnum'}",
    ),
    "index-exists": (
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) index ix_token_serial already exists",
        "(pymysql.err.OperationalError) (1061, \"Duplicate key name 'ix_a'\")",
        "(MySQLdb.OperationalError) (1061, \"Duplicate key name 'ix_a'\")",
        "(asyncmy.errors.OperationalError) (1061, \"Duplicate key name 'ix_a'\")",
        "mysql.connector.errors.ProgrammingError: 1061 (42000): Duplicate key name 'ix_a'",
        "mariadb.OperationalError: Duplicate key name 'ix_a'",
        'sqlalchemy.exc.ProgrammingError: (psycopg.errors.DuplicateTable) relation "ix_a" already exists\n'
        "[SQL: CREATE INDEX ix_a ON a (b)]",
        "sqlalchemy.exc.ProgrammingError: (sqlalchemy.dialects.postgresql.asyncpg.ProgrammingError) "
        "<class 'asyncpg.exceptions.DuplicateTableError'>: relation \"ix_a\" already exists\n"
        "[SQL: CREATE UNIQUE INDEX ix_a ON a (b)]",
    ),
    "constraint-exists": (
        'psycopg.errors.DuplicateObject: constraint "uq_email" for relation "users" already exists',
        'psycopg2.errors.InvalidTableDefinition: multiple primary keys for table "users" are not allowed',
        "(pymysql.err.OperationalError) (1826, \"Duplicate foreign key constraint name 'fk_a'\")",
        "(pymysql.err.OperationalError) (1068, 'Multiple primary key defined')",
    ),
    "schema-exists": (
        'psycopg.errors.DuplicateSchema: schema "tenant" already exists',
        'asyncpg.exceptions.DuplicateSchemaError: schema "tenant" already exists',
    ),
    "object-exists": (
        'psycopg.errors.DuplicateObject: extension "citext" already exists',
        'psycopg.errors.DuplicateFunction: function "touch" already exists with same argument types',
        'psycopg.errors.DuplicateObject: trigger "touch" for relation "users" already exists',
        'psycopg.errors.DuplicateObject: role "reader" already exists',
        'psycopg2.errors.DuplicateObject: policy "own" for table "users" already exists',
    ),
}

CONNECTING: dict[str, tuple[str, ...]] = {
    "server-starting": (
        "psycopg.OperationalError: connection failed: FATAL:  the database system is starting up",
        "asyncpg.exceptions.CannotConnectNowError: the database system is starting up",
        "FATAL:  the database system is shutting down",
        "FATAL:  the database system is not yet accepting connections\nDETAIL:  Consistent recovery state has not been "
        "yet reached.",
        "FATAL:  the database system is in recovery mode",
    ),
    "too-many-connections": (
        'psycopg2.OperationalError: connection to server at "db" (172.18.0.2), port 5432 failed: FATAL:  sorry, too '
        "many clients already",
        "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        'FATAL:  too many connections for role "shop"',
        "(pymysql.err.OperationalError) (1040, 'Too many connections')",
        "(pymysql.err.OperationalError) (1203, \"User app already has more than 'max_user_connections' active "
        'connections")',
    ),
    "tls-not-supported": (
        'connection to server at "db" (172.18.0.2), port 5432 failed: server does not support SSL, but SSL was '
        "required",
        'ConnectionError: PostgreSQL server at "db:5432" rejected SSL upgrade',
        "(pymysql.err.OperationalError) (2026, 'SSL connection error: SSL is required, but the server does not support "
        "it')",
    ),
    "driver-option": (
        "TypeError: connect() got an unexpected keyword argument 'sslmode'",
        "TypeError: connect() got an unexpected keyword argument 'channel_binding'",
        "TypeError: Connection.__init__() got an unexpected keyword argument 'sslmode'",
        'psycopg2.ProgrammingError: invalid dsn: invalid connection option "ssl"',
        'psycopg.ProgrammingError: invalid connection option "schema"',
    ),
    "no-such-user": (
        'psycopg2.OperationalError: connection to server at "db" (172.18.0.2), port 5432 failed: FATAL:  role "shop" '
        "does not exist",
        'asyncpg.exceptions.InvalidAuthorizationSpecificationError: role "shop" does not exist',
        "pg8000.exceptions.DatabaseError: {'S': 'FATAL', 'V': 'FATAL', 'C': '28000', 'M': 'role \"shop\" does not "
        "exist', 'F': 'miscinit.c'}",
        'FATAL:  role "shop" is not permitted to log in',
    ),
    "address-not-allowed": (
        'FATAL:  no pg_hba.conf entry for host "172.18.0.3", user "shop", database "shop", no encryption',
        'asyncpg.exceptions.InvalidAuthorizationSpecificationError: no pg_hba.conf entry for host "172.18.0.3", user '
        '"shop", database "shop", no encryption',
        "(pymysql.err.OperationalError) (1130, \"Host '172.18.0.3' is not allowed to connect to this MySQL server\")",
    ),
    "no-database-grant": (
        "(pymysql.err.OperationalError) (1044, \"Access denied for user 'app'@'%' to database 'shop'\")",
        "mysql.connector.errors.ProgrammingError: 1044 (42000): Access denied for user 'app'@'%' to database 'shop'",
    ),
    "mysql-access-denied": (
        "(pymysql.err.OperationalError) (1045, \"Access denied for user 'app'@'172.18.0.3' (using password: YES)\")",
        "(MySQLdb.OperationalError) (1045, \"Access denied for user 'app'@'172.18.0.3' (using password: NO)\")",
        "mysql.connector.errors.ProgrammingError: 1045 (28000): Access denied for user 'app'@'172.18.0.3' (using "
        "password: YES)",
        "(pymysql.err.OperationalError) (1698, \"Access denied for user 'root'@'172.18.0.3'\")",
    ),
    "connection-timeout": (
        'psycopg2.OperationalError: connection to server at "10.0.0.9", port 5432 failed: Connection timed out',
        "psycopg.errors.ConnectionTimeout: connection timeout expired",
        "TimeoutError",
        "asyncio.exceptions.TimeoutError",
        "asyncpg.exceptions._base.InterfaceError / TimeoutError",
        "(pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'db' (timed out)\")",
        "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout "
        "30.00",
    ),
    "connection-lost": (
        "psycopg2.OperationalError: server closed the connection unexpectedly\n\tThis probably means the server "
        "terminated abnormally",
        "psycopg.errors.AdminShutdown: terminating connection due to administrator command",
        "asyncpg.exceptions.ConnectionDoesNotExistError: connection was closed in the middle of operation",
        "(pymysql.err.OperationalError) (2013, 'Lost connection to MySQL server during query')",
        "(pymysql.err.OperationalError) (2006, \"MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))\")",
    ),
}

MISSING: dict[str, tuple[str, ...]] = {
    "missing-schema": (
        'psycopg2.errors.InvalidSchemaName: schema "tenant_a" does not exist\nLINE 2: CREATE TABLE tenant_a.items (',
        'asyncpg.exceptions.InvalidSchemaNameError: schema "tenant_a" does not exist',
        "psycopg.errors.InvalidSchemaName: no schema has been selected to create in",
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unknown database tenant_a",
    ),
    "extension-not-available": (
        'psycopg2.errors.FeatureNotSupported: extension "vector" is not available\nDETAIL:  Could not open extension '
        'control file "/usr/share/postgresql/15/extension/vector.control": No such file or directory.',
        "psycopg2.errors.UndefinedFile: could not open extension control file "
        '"/usr/share/postgresql/15/extension/vector.control": No such file or directory',
        'asyncpg.exceptions.FeatureNotSupportedError: extension "postgis" is not available',
    ),
    "missing-type": (
        'psycopg2.errors.UndefinedObject: type "vector" does not exist',
        'asyncpg.exceptions.UndefinedObjectError: type "citext" does not exist',
        'psycopg.errors.UndefinedObject: type "status" does not exist',
    ),
    "missing-function": (
        "psycopg2.errors.UndefinedFunction: function uuid_generate_v4() does not exist",
        'psycopg.errors.UndefinedObject: operator class "gin_trgm_ops" does not exist for access method "gin"',
        "sqlite3.OperationalError: no such function: now",
        "psycopg.errors.UndefinedFunction: operator does not exist: character varying = integer",
    ),
    "missing-role": (
        'psycopg.errors.UndefinedObject: role "reader" does not exist\n[SQL: GRANT SELECT ON a TO reader]',
        'asyncpg.exceptions.UndefinedObjectError: role "reader" does not exist',
    ),
    "missing-column": (
        'psycopg2.errors.UndefinedColumn: column "status" does not exist',
        'psycopg.errors.UndefinedColumn: column "status" of relation "orders" does not exist',
        "psycopg.errors.UndefinedColumn: column o.status does not exist\nLINE 1: SELECT o.status",
        "sqlite3.OperationalError: no such column: status",
        "sqlite3.OperationalError: table orders has no column named status",
        "(pymysql.err.OperationalError) (1054, \"Unknown column 'status' in 'field list'\")",
    ),
    "missing-table": (
        'sqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedTable) relation "session" does not exist',
        'psycopg.errors.UndefinedTable: table "session" does not exist',
        'asyncpg.exceptions.UndefinedTableError: relation "session" does not exist',
        "pg8000.exceptions.DatabaseError: {'S': 'ERROR', 'V': 'ERROR', 'C': '42P01', 'M': 'relation \"session\" does "
        "not exist', 'P': '15'}",
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: session",
        "(pymysql.err.ProgrammingError) (1146, \"Table 'shop.session' doesn't exist\")",
        "(pymysql.err.OperationalError) (1051, \"Unknown table 'shop.session'\")",
    ),
    "missing-object": (
        'psycopg.errors.UndefinedObject: constraint "uq_a" of relation "users" does not exist',
        'psycopg.errors.UndefinedObject: index "ix_a" does not exist',
        "ValueError: No such constraint: 'fk_a'",
        "sqlite3.OperationalError: no such index: ix_a",
        "(pymysql.err.OperationalError) (1091, \"Can't DROP 'ix_a'; check that column/key exists\")",
        '(pymysql.err.OperationalError) (1091, "Can\'t DROP COLUMN `a`; check that it exists")',
    ),
}

CHANGES: dict[str, tuple[str, ...]] = {
    "enum-value-too-early": (
        'psycopg2.errors.UnsafeNewEnumValueUsage: unsafe use of new value "x" of enum type "y"\n'
        "HINT:  New enum values must be committed before they can be used.",
        'asyncpg.exceptions.UnsafeNewEnumValueUsageError: unsafe use of new value "x" of enum type "y"',
    ),
    "needs-autocommit": (
        "psycopg2.errors.ActiveSqlTransaction: ALTER TYPE ... ADD cannot run inside a transaction block",
        "asyncpg.exceptions.ActiveSQLTransactionError: CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
        "psycopg.errors.ActiveSqlTransaction: VACUUM cannot run inside a transaction block",
        "psycopg.errors.ActiveSqlTransaction: CREATE DATABASE cannot be executed within a pipeline",
        "sqlite3.OperationalError: cannot VACUUM from within a transaction",
    ),
    "dependent-objects": (
        "psycopg2.errors.DependentObjectsStillExist: cannot drop table a because other objects depend on it\n"
        "DETAIL:  view v depends on table a\nconstraint fk_b on table b depends on table a\n"
        "HINT:  Use DROP ... CASCADE to drop the dependent objects too.",
        "asyncpg.exceptions.DependentObjectsStillExistError: cannot drop type status because other objects depend on "
        "it\nDETAIL:  column state of table orders depends on type status",
        "psycopg.errors.FeatureNotSupported: cannot alter type of a column used by a view or rule",
        "(pymysql.err.OperationalError) (1553, \"Cannot drop index 'ix_a': needed in a foreign key constraint\")",
        "(pymysql.err.OperationalError) (3730, \"Cannot drop table 'a' referenced by a foreign key constraint 'fk_b' "
        "on table 'b'.\")",
    ),
    "cannot-cast": (
        'psycopg.errors.DatatypeMismatch: column "price" cannot be cast automatically to type integer\n'
        'HINT:  You might need to specify "USING price::integer".',
        'psycopg.errors.DatatypeMismatch: default for column "state" cannot be cast automatically to type status',
    ),
    "sqlite-no-alter": (
        "NotImplementedError: No support for ALTER of constraints in SQLite dialect. Please refer to the batch mode "
        "feature which allows for SQLite migrations using a copy-and-move strategy.",
        'sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) near "ALTER": syntax error\n'
        "[SQL: ALTER TABLE users ALTER COLUMN name SET NOT NULL]",
        "sqlite3.OperationalError: Cannot add a UNIQUE column",
        "sqlite3.OperationalError: error in index ix_a after drop column: no such column: a",
    ),
    "unnamed-constraint": (
        "ValueError: Constraint must have a name",
        "sqlalchemy.exc.CompileError: Can't emit DROP CONSTRAINT for constraint UniqueConstraint(); it has no name",
    ),
}

SESSION: dict[str, tuple[str, ...]] = {
    "permission-denied": (
        "psycopg2.errors.InsufficientPrivilege: permission denied for schema public\nLINE 2: CREATE TABLE "
        "alembic_version (",
        "asyncpg.exceptions.InsufficientPrivilegeError: permission denied for table users",
        "psycopg.errors.InsufficientPrivilege: must be owner of table users",
        'psycopg.errors.InsufficientPrivilege: permission denied to create extension "citext"\nHINT:  Must be '
        "superuser to create this extension.",
        "pg8000.exceptions.DatabaseError: {'S': 'ERROR', 'V': 'ERROR', 'C': '42501', 'M': 'permission denied for "
        "schema "
        "public', 'P': '14'}",
        "(pymysql.err.OperationalError) (1142, \"CREATE command denied to user 'app'@'172.18.0.3' for table 'users'\")",
        "(pymysql.err.OperationalError) (1227, 'Access denied; you need (at least one of) the SUPER privilege(s) for "
        "this operation')",
    ),
    "read-only": (
        "cannot execute CREATE TABLE in a read-only transaction",
        "psycopg.errors.ReadOnlySqlTransaction: cannot execute ALTER TABLE in a read-only transaction",
        "asyncpg.exceptions.ReadOnlySQLTransactionError: cannot execute INSERT in a read-only transaction",
        "(pymysql.err.OperationalError) (1290, 'The MySQL server is running with the --read-only option so it cannot "
        "execute this statement')",
    ),
    "statement-timeout": (
        "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout",
        "asyncpg.exceptions.QueryCanceledError: canceling statement due to statement timeout",
        "(pymysql.err.OperationalError) (3024, 'Query execution was interrupted, maximum statement execution time "
        "exceeded')",
    ),
    "deadlock": (
        "psycopg.errors.DeadlockDetected: deadlock detected\nDETAIL:  Process 71 waits for ShareLock on transaction 5",
        "(pymysql.err.OperationalError) (1213, 'Deadlock found when trying to get lock; try restarting transaction')",
    ),
    "sqlite-cannot-open": ("sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file",),
    "sqlite-locked": (
        "sqlite3.OperationalError: database is locked",
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database table is locked: users",
    ),
    "sqlite-read-only": ("sqlite3.OperationalError: attempt to write a readonly database",),
    "transaction-aborted": (
        "psycopg.errors.InFailedSqlTransaction: current transaction is aborted, commands ignored until end of "
        "transaction block",
    ),
    "killed": ("/docker-entrypoint.sh: line 5:    17 Killed                  alembic upgrade head",),
}

DATA: dict[str, tuple[str, ...]] = {
    "null-values": (
        'sqlalchemy.exc.IntegrityError: (psycopg2.errors.NotNullViolation) column "provider" of relation '
        '"playlist" '
        "contains null values\n\n[SQL: ALTER TABLE playlist ADD COLUMN provider VARCHAR NOT NULL]",
        'asyncpg.exceptions.NotNullViolationError: column "provider" of relation "playlist" contains null values',
        "pg8000.exceptions.DatabaseError: {'S': 'ERROR', 'V': 'ERROR', 'C': '23502', 'M': 'column \"provider\" of "
        "relation \"playlist\" contains null values', 's': 'public', 't': 'playlist'}",
        'psycopg.errors.NotNullViolation: null value in column "provider" of relation "playlist" violates not-null '
        "constraint",
        "sqlite3.IntegrityError: NOT NULL constraint failed: _alembic_tmp_playlist.provider",
        "sqlite3.OperationalError: Cannot add a NOT NULL column with default value NULL",
        "(pymysql.err.IntegrityError) (1048, \"Column 'provider' cannot be null\")",
        "(pymysql.err.DataError) (1138, 'Invalid use of NULL value')",
    ),
    "unique-violation": (
        'psycopg2.errors.UniqueViolation: could not create unique index "uq_email"\nDETAIL:  Key '
        "(email)=(a@example.org)"
        " is duplicated.",
        'psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "users_pkey"',
        'asyncpg.exceptions.UniqueViolationError: could not create unique index "uq_email"',
        "sqlite3.IntegrityError: UNIQUE constraint failed: users.email",
        "(pymysql.err.IntegrityError) (1062, \"Duplicate entry 'a@example.org' for key 'users.uq_email'\")",
    ),
    "foreign-key-violation": (
        'psycopg2.errors.ForeignKeyViolation: insert or update on table "a" violates foreign key constraint "b"\n'
        'DETAIL:  Key (parent_id)=(99) is not present in table "parent".',
        'asyncpg.exceptions.ForeignKeyViolationError: update or delete on table "parent" violates foreign key '
        'constraint "b" on table "a"',
        "sqlite3.IntegrityError: FOREIGN KEY constraint failed",
        "(pymysql.err.IntegrityError) (1452, 'Cannot add or update a child row: a foreign key constraint fails "
        "(`shop`.`#sql-1_8`, CONSTRAINT `b` FOREIGN KEY (`parent_id`) REFERENCES `parent` (`id`))')",
    ),
    "foreign-key-target": (
        'psycopg.errors.InvalidForeignKey: there is no unique constraint matching given keys for referenced table "p"',
        'psycopg.errors.DatatypeMismatch: foreign key constraint "b" cannot be implemented',
        "(pymysql.err.OperationalError) (3780, \"Referencing column 'p_id' and referenced column 'id' in foreign key "
        "constraint 'b' are incompatible: \")",
        "(pymysql.err.OperationalError) (1005, 'Can\\'t create table `shop`.`a` (errno: 150 \"Foreign key "
        "constraint is "
        "incorrectly formed\")')",
    ),
    "check-violation": (
        'psycopg.errors.CheckViolation: check constraint "positive" of relation "product" is violated by some row',
        "sqlite3.IntegrityError: CHECK constraint failed: positive",
        "(pymysql.err.OperationalError) (3819, \"Check constraint 'positive' is violated.\")",
    ),
}
