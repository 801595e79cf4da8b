"""What the known failures leave in a terminal, as Alembic, SQLAlchemy and the drivers write it.

Those of public threads carry the thread's number in the collection of real cases that the project started from.
"""

from __future__ import annotations

from tests.failures import code_texts, server_texts

PASSWORD = "s3cret-canary"  # in no explanation

TEXTS: dict[str, tuple[str, ...]] = {
    "multiple-heads": (
        "FAILED: Multiple head revisions are present for given argument 'head'; please specify a specific "
        "target revision, '<branchname>@head' to narrow to a specific head, or 'heads' for all heads",  # 13, 14, 15
        "FAILED: Multiple heads are present; please specify the head revision on which the new revision should be "
        "based, or perform a merge.",
    ),
    "not-up-to-date": ("FAILED: Target database is not up to date.",),
    "unknown-revision": (
        "alembic.script.revision.ResolutionError: No such revision or branch '25468bf02131'",
        "FAILED: Can't locate revision identified by '416d3e2c6f1f'",  # 1
        "alembic.util.exc.CommandError: Can't locate revision identified by '20260918_0317'\n"
        "Application startup failed. Exiting.",  # 2
        "ERROR [flask_migrate] Error: Can't locate revision identified by '08ec4f75af5e'",  # 9
        "FAILED: Can't locate revision identified by '119709b3f9bb'",  # 28
        "FAILED: Can't locate revision identified by '2f3ffe88be6b'\nalembic exited with code 255",  # 29
    ),
    "missing-parent": (
        "UserWarning: Revision 20260621_193547_merge_041_064 referenced from 20260621_193547_merge_041_064 -> "
        "20260622_001_session_message_source (head), is not present\n",  # 18
        '  File "/usr/lib/python3/alembic/script/revision.py", line 246, in _add_branches\n'
        "    down_revision = map_[downrev]\nKeyError: '20260621_193547_merge_041_064'\n",  # 18
    ),
    "overlapping-revisions": (
        "FAILED: Requested revision a095bd179f5c overlaps with other requested revisions b0eaee37b545",  # 19
    ),
    "no-script-location": ("FAILED: No 'script_location' key found in configuration.",),  # 4
    "no-script-folder": (
        "FAILED: Path doesn't exist: '/app/alembic'.  Please use the 'init' command to create a new scripts folder.",
        "Error: Path doesn't exist: '/app/migrations'.  Please use the 'init' command to create a new scripts folder.",
        "FAILED: Path doesn't exist: alembic.  Please use the 'init' command to create a new scripts folder.",
    ),
    "percent-sign": (
        f"ValueError: invalid interpolation syntax in 'postgresql+psycopg2://shop:{PASSWORD}%2C@192.168.1.186/shop' "
        "at position 35",  # 34, 35
        "configparser.InterpolationSyntaxError: '%' must be followed by '%' or '(', found: '%04d'",
    ),
    "password-refused": (
        "psycopg2.OperationalError: fe_sendauth: no password supplied",
        'psycopg.OperationalError: connection failed: FATAL:  password authentication failed for user "shop"',
        'asyncpg.exceptions.InvalidPasswordError: password authentication failed for user "shop"',
    ),
    "no-such-database": (
        'FATAL:  database "shop" does not exist',
        'asyncpg.exceptions.InvalidCatalogNameError: database "shop" does not exist',
        "(pymysql.err.OperationalError) (1049, \"Unknown database 'shop'\")",
        "(MySQLdb.OperationalError) (1049, \"Unknown database 'shop'\")",
    ),
    "name-not-resolved": (
        "[Errno -2] Name or service not known",  # 40
        'could not translate host name "db" to address: Temporary failure in name resolution',
        "psycopg.OperationalError: failed to resolve host 'db': [Errno -3] Temporary failure in name resolution",
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "socket.gaierror: [Errno -5] No address associated with hostname",
        "(pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'db' ([Errno -2] Name or service not "
        'known)")',
        "(MySQLdb.OperationalError) (2005, \"Unknown server host 'db' (-2)\")",
    ),
    "connection-refused": (
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n\tIs the server running?',  # 40
        'connection failed: connection to server at "172.18.0.2", port 5432 failed: Connection refused',
        "OSError: [Errno 111] Connect call failed ('127.0.0.1', 5432)",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "(pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'db' ([Errno 111] Connection "
        'refused)")',
        "(MySQLdb.OperationalError) (2002, \"Can't connect to server on 'db' (115)\")",
        "(MySQLdb.OperationalError) (2002, \"Can't connect to local MySQL server through socket "
        "'/run/mysqld.sock' (2)\")",
    ),
    "unset-variable": (
        '  File "/app/migrations/env.py", line 20, in <module>\n    url = os.environ["DATABASE_URL"]\n'
        "  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'DATABASE_URL'\n",
        '  File "/usr/lib/python3.10/os.py", line 679, in __getitem__\n    raise KeyError(key) from None\n'
        "KeyError: 'DATABASE_URL'\n",
        "decouple.UndefinedValueError: SECRET_KEY not found. Declare it as envvar or define a default value.",
        'environs.exceptions.EnvError: Environment variable "DATABASE_URL" not set',
        "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable",
        "KeyError: \"Config 'DATABASE_URL' is missing, and has no default.\"",
    ),
    "unusable-url": (
        "sqlalchemy.exc.ArgumentError: Could not parse SQLAlchemy URL from given URL string",
        "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:driver",
        "KeyError: 'url'",
    ),
    "long-revision-id": (
        "sqlalchemy.exc.DataError: (psycopg2.errors.StringDataRightTruncation) value too long for type character "
        "varying(32)\n[SQL: UPDATE alembic_version SET version_num='0009_agent_ownership_public_channel_model']",  # 33
    ),
    "table-exists": (
        'psycopg.errors.DuplicateTable: relation "price_levels" already exists',  # 30
        "sqlalchemy.exc.OperationalError: (1050, \"Table 'secrets' already exists\")",  # 39
        "sqlite3.OperationalError: table product already exists",
        "(1060, \"Duplicate column name 'p_name'\")",  # beside them: rommapp/romm#704
        'psycopg.errors.DuplicateColumn: column "price" of relation "product" already exists',
    ),
    "lost-race": (
        "UPDATE statement on table 'alembic_version' expected to match 1 row(s) when updating 'a'; 0 found",
        "psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "  # 37
        '"pg_type_typname_nsp_index"',
        'psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "alembic_version_pkc"',
        "psycopg.errors.InternalError_: tuple concurrently updated",
    ),
    "lock-timeout": (
        "psycopg.errors.LockNotAvailable: canceling statement due to lock timeout",
        "(pymysql.err.OperationalError) (1205, 'Lock wait timeout exceeded; try restarting transaction')",
    ),
    "lost-commits": (
        "Alembic ended with code 0, and nothing of it is in the database: the server rolled back 1 transaction, "
        "and the "
        "database is as it was, at a94d5e61c8f3.",
    ),
    "no-metadata": (
        "FAILED: Can't proceed with --autogenerate option; environment script /app/migrations/env.py does not "
        "provide a MetaData object or sequence of objects to the context.",
    ),
    "cannot-write-revision": (
        "  Generating /opt/worksheets/alembic/versions/2019091011_add.py ...  FAILED\n"
        "IOError: [Errno 13] Permission denied: '/opt/worksheets/alembic/versions/2019091011_add.py'",  # 24
    ),
    "folder-exists": ("FAILED: Directory migrations already exists",),  # 25
    "no-flask-application": (
        "Error: Could not locate a Flask application. Use the 'flask --app' option, 'FLASK_APP' environment variable",
        "Error: No such command 'db'.",
    ),
    "shadowed-package": (
        "/usr/bin/python3: No module named alembic.__main__; 'alembic' is a package and cannot be directly "  # 1
        "executed",
        "ModuleNotFoundError: No module named 'alembic.config'",
        "ImportError: cannot import name 'context' from 'alembic' (/app/alembic/__init__.py)",
    ),
    "no-module": ("ModuleNotFoundError: No module named 'app'",),
}
TEXTS |= {
    **server_texts.EXISTS,
    **server_texts.CONNECTING,
    **server_texts.MISSING,
    **server_texts.CHANGES,
    **server_texts.SESSION,
    **server_texts.DATA,
    **code_texts.CODE,
}
