"""The failures that migops knows, one entry each. A newcomer adds an entry here, and its example to the tests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from migops.commands.failures.inputs import Cause, called_otherwise, holders, image_user, long_ids, parent, server


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a fix. In ``command``, ``{compose}``, ``{service}``, ``{image}`` and the names of the pattern's
    groups are filled in, and a command of migops gets this call's options and service; without a command, ``why`` is
    what to do."""

    why: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure by the text that it leaves.

    Of ``pattern``, only the groups ``revision`` and ``host`` are repeated: no secret can stand there. ``rules`` are
    those of migops whose findings are its cause, the likeliest first; where one is found, its fix is shown in place of
    ``fix``. With ``asks_database``, the database is read (only read) to find them.
    """

    name: str
    pattern: re.Pattern[str]
    means: str
    rules: tuple[str, ...] = ()
    cause: Cause | None = None
    fix: tuple[Step, ...] = ()
    asks_database: bool = False


_HISTORY = Step("see the revisions that there are", ("migops", "alembic", "history"))


FAILURES: tuple[Failure, ...] = (
    Failure(
        "multiple-heads",
        re.compile(r"Multiple head(?:s| revisions) are present|The script directory has multiple heads"),
        "the scripts that Alembic reads end in more than one head, so `head` could be any of them",
        rules=("MIG303", "MIG301", "MIG001", "MIG202", "MIG203", "MIG204", "MIG205"),
        fix=(
            Step("see the heads", ("migops", "alembic", "heads", "--verbose")),
            Step("join them by a merge revision", ("migops", "alembic", "merge", "heads", "-m", "merge")),
        ),
    ),
    Failure(
        "not-up-to-date",
        re.compile(r"Target database is not up to date"),
        "the database has not had all migrations yet, and a new one is only compared with a database that has",
        rules=("MIG402", "MIG403", "MIG406", "MIG405"),
        fix=(Step("apply what is pending", ("migops", "alembic", "upgrade", "head")), Step("then run it again")),
        asks_database=True,
    ),
    Failure(
        "unknown-revision",
        re.compile(r"Can't locate revision identified by '(?P<revision>[^']{1,80})'"),
        "no script that Alembic reads here has the revision that was asked for, or that the database names",
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
        "a script names a parent (down_revision) that no script here has",
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
        "Alembic has not found its configuration: it looks for alembic.ini in the working directory only",
        rules=("MIG502", "MIG006"),
        cause=called_otherwise,
        fix=(
            Step(
                "name the file by its path in the container before the command: -c FILE",
            ),
            Step(
                "where `flask db` or another command runs Alembic, say so in the compose file: "
                'x-migops: {alembic: "flask db"}'
            ),
        ),
    ),
    Failure(
        "no-script-folder",
        re.compile(r"Path doesn't exist: (?:'|\")?(?:[^'\"\s]{1,200})"),
        "the folder that script_location names is not where Alembic runs",
        rules=("MIG104", "MIG004", "MIG502"),
        fix=(Step("see what the image holds, and why", ("migops", "check-image")),),
    ),
    Failure(
        "percent-sign",
        re.compile(r"InterpolationSyntaxError|invalid interpolation syntax|'%' must be followed by"),
        "a % in an option: alembic.ini is read by configparser, which takes a single % for the start of a reference",
        rules=("MIG501", "MIG504"),
        fix=(
            Step("in alembic.ini, write %% for every % (in a password, %40 becomes %%40)"),
            Step(
                'in env.py: config.set_main_option("sqlalchemy.url", url.replace("%", "%%")), or give '
                "create_engine the URL directly"
            ),
        ),
    ),
    Failure(
        "password-refused",
        re.compile(r"password authentication failed for user \"?(?:[\w.-]{1,63})|InvalidPasswordError"),
        "the database server answers, and refuses this user's password",
        cause=server,
        fix=(
            Step(
                "compare the password in the service's URL with the server's own; it is read from the environment here",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
            Step(
                "POSTGRES_PASSWORD counts only while the data folder is first made: for an older volume, set the "
                "password with ALTER ROLE in the server instead of removing the volume"
            ),
        ),
    ),
    Failure(
        "no-such-database",
        re.compile(r"database \"(?:[^\"]{1,63})\" does not exist"),
        "the server answers, and has no database of the name that the URL ends with",
        fix=(
            Step(
                "POSTGRES_DB counts only while the data folder is first made: create the database in the "
                "server, or mend the URL"
            ),
        ),
    ),
    Failure(
        "name-not-resolved",
        re.compile(
            r"(?:could not translate host name \"|failed to resolve host ')(?P<host>[\w.-]{1,253})|"
            r"Name or service not known|Temporary failure in name resolution|nodename nor servname"
        ),
        "the host name in the database's URL is not known where Alembic runs",
        cause=server,
        fix=(
            Step("start what the service depends on", ("{compose}", "up", "-d", "--wait", "{host}")),
            Step("if it runs: service and database must share a network, and the URL's host is the service's name"),
        ),
    ),
    Failure(
        "connection-refused",
        re.compile(
            r"connection to server at \"(?P<host>[\w.:-]{1,253})\"[^\n]*refused|Connection refused|Connect call failed"
        ),
        "nothing listens at the address in the database's URL: the server is not started, not ready, or elsewhere",
        cause=server,
        fix=(
            Step("start it, and wait until it is healthy", ("{compose}", "up", "-d", "--wait", "{host}")),
            Step("inside of compose's network the port is the container's own (5432), not the published one"),
        ),
    ),
    Failure(
        "unset-variable",
        re.compile(r"(?:File \"<frozen os>\"|/os\.py\")[\s\S]*KeyError: '\w{1,80}'"),
        "env.py, or what it imports, wants an environment variable that the service does not set",
        fix=(
            Step(
                "see what the service sets, and where",
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
        "there is no usable database URL: it is empty, or not of the form driver://user:password@host:port/name",
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
        "the revision's id is longer than the 32 characters that alembic_version.version_num holds",
        cause=long_ids,
        fix=(
            Step("give the script a shorter id (in it, and in the down_revision of its children), and build again"),
            Step("or widen the column first: ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(128)"),
        ),
    ),
    Failure(
        "table-exists",
        re.compile(
            r"DuplicateTable|DuplicateColumn|[Dd]uplicate column name|[Tt]able '?[\w.]{1,63}'? already exists|"
            r"(?:relation|column) \"[\w.]{1,63}\" (?:of \S{1,70} \S{1,70} )?already exists"
        ),
        "the migration creates what the database has already: something other than Alembic made it (often the "
        "application's create_all at its start), or an earlier run was cut off where DDL is not transactional",
        rules=("MIG401", "MIG601", "MIG402"),
        fix=(
            Step("take create_all out of the application's start: only Alembic may create"),
            Step("see what the version table says", ("migops", "alembic", "current")),
            Step(
                "find the revision whose schema the tables have, see the proof, and have it noted", ("migops", "adopt")
            ),
            Step("only the revision whose schema the tables have may be stamped: what a stamp skips never runs"),
        ),
        asks_database=True,
    ),
    Failure(
        "lost-race",
        re.compile(
            r"UPDATE statement on table 'alembic_version' expected to match 1 row|"
            r"unique constraint \"pg_(?:type_typname|class_relname)_nsp_index\""
        ),
        "another process changed the version table, or made the same table: two upgrades ran at the same time",
        rules=("MIG602",),
        fix=(
            Step("see where the database stands now", ("migops", "alembic", "current")),
            Step("let one process migrate, not every replica at its start"),
        ),
    ),
    Failure(
        "lock-timeout",
        re.compile(r"canceling statement due to lock timeout|LockNotAvailable"),
        "the migration waited for a lock that another session holds, and gave up; nothing of this step was kept",
        fix=(Step("run it again when that session has ended"),),
    ),
    Failure(
        "no-metadata",
        re.compile(r"Can't proceed with --autogenerate option|does not provide a MetaData object"),
        "env.py leaves target_metadata at None, so there are no models to compare the database with",
        rules=("MIG506",),
        fix=(Step("in env.py: from yourapp.models import Base; target_metadata = Base.metadata"),),
    ),
    Failure(
        "cannot-write-revision",
        re.compile(r"(?:PermissionError|Permission denied)[^\n]*'(?:/[^'\n]{1,200})'"),
        "the user that the container runs as may not write there",
        rules=("MIG207",),
        cause=image_user,
        fix=(
            Step(
                "give the folder to the container's user, or run the service as the folder's owner (user: in the "
                "compose file)"
            ),
            Step("see who owns the files in the image", ("migops", "layers", "{image}")),
        ),
    ),
    Failure(
        "folder-exists",
        re.compile(r"Directory (?:\S{1,200}) already exists"),
        "`init` makes its folder itself; this one is there, as a mount's own end or from an earlier start",
        fix=(Step("mount the folder above it, or let `init` make a new one beside it"),),
    ),
    Failure(
        "no-flask-application",
        re.compile(r"Could not locate a Flask application|No such command 'db'"),
        "`flask db` needs the application: FLASK_APP names it, and it must set up Flask-Migrate",
        fix=(Step("set FLASK_APP in the service's environment"),),
    ),
    Failure(
        "shadowed-package",
        re.compile(
            r"No module named '?alembic\.(?:__main__|config|command|context|op|script|util)\b|"
            r"cannot import name '(?:context|op|command|config)' from '?alembic'|"
            r"module 'alembic' has no attribute '(?:context|op|command|config)'"
        ),
        "a folder of the project called alembic, with an __init__.py, is found before the package of that name",
        fix=(
            Step("delete alembic/__init__.py (the folder of the scripts needs none), or call the folder migrations"),
            Step("take it out of the image too", ("{compose}", "build", "{service}")),
        ),
    ),
    Failure(
        "no-module",
        re.compile(r"ModuleNotFoundError: No module named '(?:[\w.]{1,100})'"),
        "env.py, or what it imports, asks for a module that is not found where Alembic runs",
        rules=("MIG104",),
        fix=(
            Step(
                "if it is the project's own: prepend_sys_path = . in alembic.ini, and run it from the project's folder"
            ),
            Step("if it is a package: add it to the requirements, and build", ("{compose}", "build", "{service}")),
        ),
    ),
)
