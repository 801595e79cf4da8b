"""The failures that migops knows, one entry each. To add one, add an entry here and an example to the tests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from migops.commands.failures.inputs import Cause, called_otherwise, holders, image_user, long_ids, parent, server


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a fix. In ``command``, ``{compose}``, ``{service}``, ``{image}`` and the names of the pattern's
    groups are filled in, and a command of migops gets this call's options and service; without a command, ``why`` is
    the instruction.
    """

    why: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure, recognised by its output.

    From ``pattern``, only the groups ``revision`` and ``host`` are repeated: they cannot contain secrets. ``rules``:
    rules whose findings may be the cause, likeliest first; the fix of a finding replaces ``fix``. ``asks_database``:
    read the database (read-only) to find them.
    """

    name: str
    pattern: re.Pattern[str]
    means: str
    rules: tuple[str, ...] = ()
    cause: Cause | None = None
    fix: tuple[Step, ...] = ()
    asks_database: bool = False


_HISTORY = Step("list the revisions", ("migops", "alembic", "history"))


FAILURES: tuple[Failure, ...] = (
    Failure(
        "multiple-heads",
        re.compile(r"Multiple head(?:s| revisions) are present|The script directory has multiple heads"),
        "the scripts that Alembic reads have more than one head, so `head` is ambiguous",
        rules=("MIG303", "MIG301", "MIG001", "MIG202", "MIG203", "MIG204", "MIG205"),
        fix=(
            Step("see the heads", ("migops", "alembic", "heads", "--verbose")),
            Step("join them with a merge revision", ("migops", "alembic", "merge", "heads", "-m", "merge")),
        ),
    ),
    Failure(
        "not-up-to-date",
        re.compile(r"Target database is not up to date"),
        "the database is behind: autogenerate and `check` need a database with every migration applied",
        rules=("MIG402", "MIG403", "MIG406", "MIG405"),
        fix=(
            Step("apply the pending migrations", ("migops", "alembic", "upgrade", "head")),
            Step("then run the command again"),
        ),
        asks_database=True,
    ),
    Failure(
        "unknown-revision",
        re.compile(r"Can't locate revision identified by '(?P<revision>[^']{1,80})'"),
        "the revision that you named, or that the database is at, has no script where Alembic runs",
        rules=("MIG403", "MIG404", "MIG406", "MIG204", "MIG002", "MIG101", "MIG104", "MIG202", "MIG203"),
        cause=holders,
        fix=(_HISTORY, Step("see which place has which revision", ("migops", "status"))),
        asks_database=True,
    ),
    Failure(
        "missing-parent",
        re.compile(
            r"(?:Revision (?=\S+ referenced from)|alembic/script/revision\.py[\s\S]*KeyError: ')"
            r"(?P<revision>[^\s']{1,80})"
        ),
        "a script names a parent (down_revision) that has no script here",
        rules=("MIG302", "MIG104", "MIG002", "MIG303"),
        cause=parent,
        fix=(Step("compare the places", ("migops", "check-image")),),
    ),
    Failure(
        "overlapping-revisions",
        re.compile(r"Requested revision (?P<revision>\S{1,80}) overlaps with other requested revisions"),
        "the version table has a row for a revision and one for its own ancestor",
        rules=("MIG405",),
        fix=(Step("see the rows", ("migops", "alembic", "current", "--verbose")),),
        asks_database=True,
    ),
    Failure(
        "no-script-location",
        re.compile(r"No 'script_location' key found in configuration"),
        "Alembic did not find its configuration: it looks for alembic.ini only in the working directory",
        rules=("MIG502", "MIG006"),
        cause=called_otherwise,
        fix=(
            Step(
                "before the command, name the file by its path in the container: -c FILE",
            ),
            Step(
                "if `flask db` or another command runs Alembic, set that in the compose file: "
                'x-migops: {alembic: "flask db"}'
            ),
        ),
    ),
    Failure(
        "no-script-folder",
        re.compile(r"Path doesn't exist: (?:'|\")?(?:[^'\"\s]{1,200})"),
        "the folder in script_location does not exist where Alembic runs",
        rules=("MIG104", "MIG004", "MIG502"),
        fix=(Step("see what the image contains, and why", ("migops", "check-image")),),
    ),
    Failure(
        "percent-sign",
        re.compile(r"InterpolationSyntaxError|invalid interpolation syntax|'%' must be followed by"),
        "an option contains a single %, which is interpolation syntax in alembic.ini",
        rules=("MIG501", "MIG504"),
        fix=(
            Step("in alembic.ini, write %% for every % (in a password, %40 becomes %%40)"),
            Step(
                'in env.py: config.set_main_option("sqlalchemy.url", url.replace("%", "%%")), or pass '
                "the URL directly to create_engine"
            ),
        ),
    ),
    Failure(
        "password-refused",
        re.compile(r"password authentication failed for user \"?(?:[\w.-]{1,63})|InvalidPasswordError"),
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
    ),
    Failure(
        "no-such-database",
        re.compile(r"database \"(?:[^\"]{1,63})\" does not exist"),
        "the server answers, but has no database with the name at the end of the URL",
        fix=(
            Step(
                "POSTGRES_DB counts only when the server initializes an empty data folder: create the database in the "
                "server, or fix the URL"
            ),
        ),
    ),
    Failure(
        "name-not-resolved",
        re.compile(
            r"(?:could not translate host name \"|failed to resolve host ')(?P<host>[\w.-]{1,253})|"
            r"Name or service not known|Temporary failure in name resolution|nodename nor servname"
        ),
        "the host name in the database URL cannot be resolved where Alembic runs",
        cause=server,
        fix=(
            Step("start the service's dependencies", ("{compose}", "up", "-d", "--wait", "{host}")),
            Step("if it is running: both need a common network, and the URL's host must be the database service"),
        ),
    ),
    Failure(
        "connection-refused",
        re.compile(
            r"connection to server at \"(?P<host>[\w.:-]{1,253})\"[^\n]*refused|Connection refused|Connect call failed"
        ),
        "nothing listens at the address in the database URL: the server is not started, not ready, or elsewhere",
        cause=server,
        fix=(
            Step("start the server and wait until it is healthy", ("{compose}", "up", "-d", "--wait", "{host}")),
            Step("inside the compose network, use the container's own port (5432), not the published one"),
        ),
    ),
    Failure(
        "unset-variable",
        re.compile(r"(?:File \"<frozen os>\"|/os\.py\")[\s\S]*KeyError: '\w{1,80}'"),
        "env.py, or a module it imports, needs an environment variable that the service does not set",
        fix=(
            Step(
                "see which variables the service sets, and where",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
        ),
    ),
    Failure(
        "unusable-url",
        re.compile(
            r"Could not parse SQLAlchemy URL|Can't load plugin: sqlalchemy\.dialects|KeyError: 'url'|"
            r"Expected string or URL object"
        ),
        "there is no usable database URL: it is missing, or not of the form driver://user:password@host:port/name",
        fix=(
            Step(
                "see where the service's settings come from",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
        ),
    ),
    Failure(
        "long-revision-id",
        re.compile(r"StringDataRightTruncation[\s\S]*(?:version_num|character varying\(32\))"),
        "the revision id is longer than the 32 characters of alembic_version.version_num",
        cause=long_ids,
        fix=(
            Step("give the script a shorter id (in it, and in the down_revision of its children), and rebuild"),
            Step("or widen the column first: ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(128)"),
        ),
    ),
    Failure(
        "table-exists",
        re.compile(
            r"DuplicateTable|DuplicateColumn|[Dd]uplicate column name|[Tt]able '?[\w.]{1,63}'? already exists|"
            r"(?:relation|column) \"[\w.]{1,63}\" (?:of \S{1,70} \S{1,70} )?already exists"
        ),
        "the migration creates something that already exists: something other than Alembic created it (often "
        "create_all at application startup), or an earlier run was interrupted on a database without transactional DDL",
        rules=("MIG401", "MIG601", "MIG402"),
        fix=(
            Step("remove create_all from the application's startup, so that only Alembic creates tables"),
            Step("see the recorded revision", ("migops", "alembic", "current")),
            Step("find the revision that matches the schema, check the proof, then stamp it", ("migops", "adopt")),
            Step("stamp only the revision that really matches the tables: anything a stamp skips never runs"),
        ),
        asks_database=True,
    ),
    Failure(
        "lost-race",
        re.compile(
            r"UPDATE statement on table 'alembic_version' expected to match 1 row|"
            r"unique constraint \"pg_(?:type_typname|class_relname)_nsp_index\""
        ),
        "another process changed the version table or created the same table: two upgrades ran at the same time",
        rules=("MIG602",),
        fix=(
            Step("see the database's current revision", ("migops", "alembic", "current")),
            Step("let one process migrate, not every replica at startup"),
        ),
    ),
    Failure(
        "lock-timeout",
        re.compile(r"canceling statement due to lock timeout|LockNotAvailable"),
        "the migration waited for a lock that another session holds, and gave up; this step was rolled back",
        fix=(Step("run it again after that session has ended"),),
    ),
    Failure(
        "no-metadata",
        re.compile(r"Can't proceed with --autogenerate option|does not provide a MetaData object"),
        "env.py leaves target_metadata at None, so there are no models to compare with the database",
        rules=("MIG506",),
        fix=(Step("in env.py: from yourapp.models import Base; target_metadata = Base.metadata"),),
    ),
    Failure(
        "cannot-write-revision",
        re.compile(r"(?:PermissionError|Permission denied)[^\n]*'(?:/[^'\n]{1,200})'"),
        "the container's user has no write permission there",
        rules=("MIG207",),
        cause=image_user,
        fix=(
            Step(
                "change the folder's owner to the container's user, or run the service as the folder's owner (user: in "
                "the compose file)"
            ),
            Step("see who owns the files in the image", ("migops", "layers", "{image}")),
        ),
    ),
    Failure(
        "folder-exists",
        re.compile(r"Directory (?:\S{1,200}) already exists"),
        "`init` creates the folder itself, but it already exists: as a mount point, or from an earlier run",
        fix=(Step("mount its parent folder instead, or let `init` create a new folder next to it"),),
    ),
    Failure(
        "no-flask-application",
        re.compile(r"Could not locate a Flask application|No such command 'db'"),
        "`flask db` needs the application: FLASK_APP must name it, and it must set up Flask-Migrate",
        fix=(Step("set FLASK_APP in the service's environment"),),
    ),
    Failure(
        "shadowed-package",
        re.compile(
            r"No module named '?alembic\.(?:__main__|config|command|context|op|script|util)\b|"
            r"cannot import name '(?:context|op|command|config)' from '?alembic'|"
            r"module 'alembic' has no attribute '(?:context|op|command|config)'"
        ),
        "the project's own folder alembic, which has an __init__.py, hides the package alembic",
        fix=(
            Step(
                "delete alembic/__init__.py (the scripts folder does not need it), or rename the folder to migrations"
            ),
            Step("rebuild, to remove it from the image too", ("{compose}", "build", "{service}")),
        ),
    ),
    Failure(
        "no-module",
        re.compile(r"ModuleNotFoundError: No module named '(?:[\w.]{1,100})'"),
        "env.py, or a module it imports, needs a module that is missing where Alembic runs",
        rules=("MIG104",),
        fix=(
            Step(
                "if it is part of the project: set prepend_sys_path = . in alembic.ini, and run from the project folder"
            ),
            Step("if it is a package: add it to the requirements and rebuild", ("{compose}", "build", "{service}")),
        ),
    ),
)
