"""What Alembic itself says when it cannot go on: its history, its configuration, its version table."""

from __future__ import annotations

import re

from migops.commands.failures.failure import Changes, Failure, Step
from migops.commands.failures.inputs import called_otherwise, holders, image_user, long_ids, parent
from migops.commands.failures.program import name_section

_HISTORY = Step("list the revisions", ("migops", "alembic", "history"))


ALEMBIC: tuple[Failure, ...] = (
    Failure(
        "multiple-heads",
        re.compile(r"Multiple head(?:s| revisions) are present|The script directory has multiple heads"),
        "the scripts that Alembic reads have more than one head, so `head` is ambiguous",
        rules=("MIG303", "MIG301", "MIG001", "MIG202", "MIG203", "MIG204", "MIG205"),
        fix=(
            Step("see the heads", ("migops", "alembic", "heads", "--verbose")),
            Step("join them with a merge revision", ("migops", "alembic", "merge", "heads", "-m", "merge")),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "not-up-to-date",
        re.compile(r"Target database is not up to date"),
        "the database is behind: autogenerate and `check` need a database with every migration applied",
        rules=("MIG402", "MIG403", "MIG406", "MIG405"),
        fix=(Step("apply the pending migrations", ("migops", "alembic", "upgrade", "head")),),
        asks_database=True,
        changes=Changes.NOTHING,
    ),
    Failure(
        "unknown-revision",
        re.compile(r"(?:Can't locate revision identified by|No such revision or branch) '(?P<revision>[^'\n]{1,80})'"),
        "the revision that you named, or that the database is at, has no script where Alembic runs",
        rules=("MIG403", "MIG404", "MIG406", "MIG204", "MIG002", "MIG101", "MIG104", "MIG202", "MIG203"),
        cause=holders,
        fix=(_HISTORY, Step("see which place has which revision", ("migops", "status"))),
        asks_database=True,
        changes=Changes.NOTHING,
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
        in_frames=True,
        fix=(Step("compare the places", ("migops", "check-image")),),
    ),
    Failure(
        "overlapping-revisions",
        re.compile(r"Requested revision (?P<revision>\S{1,80}) overlaps with other requested revisions"),
        "the version table has a row for a revision and one for its own ancestor",
        rules=("MIG405",),
        fix=(Step("see the rows", ("migops", "alembic", "current", "--verbose")),),
        asks_database=True,
        changes=Changes.NOTHING,
    ),
    Failure(
        "no-script-location",
        re.compile(r"No 'script_location' key found in configuration"),
        "Alembic did not find its configuration: it looks for alembic.ini only in the working directory",
        rules=("MIG502", "MIG006"),
        cause=called_otherwise,
        look=name_section,
        fix=(
            Step(
                "before the command, name the file by its path in the container: -c FILE",
            ),
            Step(
                "if `flask db` or another command runs Alembic, set that in the compose file: "
                'x-migops: {alembic: "flask db"}'
            ),
        ),
        changes=Changes.NOTHING,
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
        "lost-race",
        re.compile(
            r"(?:UPDATE|DELETE) statement on table 'alembic_version' expected to match 1 row|"
            r"unique constraint \"(?:pg_(?:type_typname|class_relname)_nsp_index|pg_namespace_nspname_index|"
            r"\w{1,60}_pkc)\"|"
            r"tuple concurrently (?:updated|deleted)"
        ),
        "another process changed the version table or created the same table: two upgrades ran at the same time",
        rules=("MIG602",),
        fix=(
            Step("see the database's current revision", ("migops", "alembic", "current")),
            Step("let one process migrate, not every replica at startup"),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "lost-commits",
        re.compile(r"nothing of it is in the database"),
        "Alembic logged its migrations and ended with code 0, and the server rolled all of them back: env.py ran a "
        "statement on the connection before context.configure. With SQLAlchemy 2 that begins a transaction; "
        "Alembic then "
        "neither begins nor commits one of its own",
        fix=(
            Step(
                "in env.py, end that transaction before context.configure: connection.commit() (a session's "
                "advisory lock "
                "or SET stays), or commit after the migrations"
            ),
        ),
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
        changes=Changes.NOTHING,
    ),
    Failure(
        "folder-exists",
        re.compile(r"Directory (?:\S{1,200}) already exists"),
        "`init` creates the folder itself, but it already exists: as a mount point, or from an earlier run",
        fix=(Step("mount its parent folder instead, or let `init` create a new folder next to it"),),
        changes=Changes.SERVICE,
    ),
    Failure(
        "no-flask-application",
        re.compile(r"Could not locate a Flask application|No such command 'db'"),
        "`flask db` needs the application: FLASK_APP must name it, and it must set up Flask-Migrate",
        fix=(Step("set FLASK_APP in the service's environment"),),
        changes=Changes.SERVICE,
    ),
)
