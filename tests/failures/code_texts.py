"""What Python, the application's settings and the container's runtime say before Alembic does anything."""

from __future__ import annotations

CODE: dict[str, tuple[str, ...]] = {
    "settings-missing": (
        "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings\nOPENAI_API_KEY\n"
        "  Field required [type=missing, input_value={'DEBUG': '1'}, input_type=dict]\n"
        "    For further information visit https://errors.pydantic.dev/2.5/v/missing\nDATABASE_USER\n"
        "  Field required [type=missing, input_value={'DEBUG': '1'}, input_type=dict]",
        "pydantic.error_wrappers.ValidationError: 1 validation error for Settings\nDATABASE_USER\n"
        "  field required (type=value_error.missing)",
    ),
    "settings-refused": (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nextra_thing\n"
        "  Extra inputs are not permitted [type=extra_forbidden, input_value='s3cret-canary', input_type=str]",
        "pydantic.v1.error_wrappers.ValidationError: 1 validation error for Settings\nport\n"
        "  value is not a valid integer (type=type_error.integer)",
    ),
    "async-driver-in-sync-code": (
        "sqlalchemy.exc.MissingGreenlet: greenlet_spawn has not been called; can't call await_only() here. Was IO "
        "attempted in an unexpected place?",
    ),
    "sync-driver-in-async-code": (
        "sqlalchemy.exc.InvalidRequestError: The asyncio extension requires an async driver to be used. The loaded "
        "'psycopg2' is not async.",
    ),
    "event-loop-runs-already": ("RuntimeError: asyncio.run() cannot be called from a running event loop",),
    "postgres-scheme": (
        "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres",
        "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres.asyncpg",
    ),
    "unknown-driver": (
        "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgresql.psycopg3",
        "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:mysql.pymsql",
    ),
    "no-cryptography": (
        "RuntimeError: 'cryptography' package is required for sha256_password or caching_sha2_password auth methods",
    ),
    "no-alembic": (
        "/usr/local/bin/python: No module named alembic",
        "ModuleNotFoundError: No module named 'alembic'",
        "ModuleNotFoundError: No module named 'flask_migrate'",
    ),
    "program-not-found": (
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "alembic": executable file not '
        "found in $PATH: unknown",
        "sh: 1: alembic: not found",
        "[FATAL tini (8)] exec alembic failed: No such file or directory",
        "[dumb-init] alembic: No such file or directory",
        "the container has no program 'alembic' on its PATH",
        "/entrypoint.sh: line 3: alembic: command not found",
        'Error response from daemon: failed to create task for container: exec: "/app/.venv/bin/alembic": stat '
        "/app/.venv/bin/alembic: no such file or directory: unknown",
    ),
    "no-driver": (
        "ModuleNotFoundError: No module named 'psycopg2'",
        "ModuleNotFoundError: No module named 'asyncpg'",
        "ModuleNotFoundError: No module named 'MySQLdb'",
        "ModuleNotFoundError: No module named 'aiosqlite'",
        "ValueError: the greenlet library is required to use this function. No module named 'greenlet'",
        "ImportError: no pq wrapper available.\nAttempts made:\n- couldn't import psycopg 'c' implementation: No "
        "module "
        "named 'psycopg_c'",
    ),
    "missing-import": (
        "NameError: name 'sqlmodel' is not defined",
        "NameError: name 'postgresql' is not defined. Did you mean: 'psycopg'?",
    ),
}
