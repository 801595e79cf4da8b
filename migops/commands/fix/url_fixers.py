"""MIG503, MIG504 and MIG508: the database URL out of the ini file, together with the lines that env.py then needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix import ini_text
from migops.commands.fix.env_text import Unedited, double_percents, read_url_from, sets_url
from migops.commands.fix.model import FileEdit, Fix, NotFixed
from migops.commands.fix.url_readers import caller_without, other_reader
from migops.commands.fix.url_variable import Variable, lacking, variable_of
from migops.core.model import Finding, MigrationFile
from migops.migrations.config import Option
from migops.migrations.env_options import option_use
from migops.migrations.env_url import url_source
from migops.rules.alembic_config import env_script
from migops.sources.repository import holder

_ASYNC = re.compile(rb"\basync_engine_from_config\b|\bcreate_async_engine\b|\bAsyncEngine\b")
_ASYNC_DRIVERS = frozenset(("asyncpg", "aiosqlite", "aiomysql", "asyncmy", "aioodbc"))
_SYNC_DRIVERS = frozenset(("", "psycopg2", "pymysql", "mysqldb", "pysqlite", "pg8000", "pyodbc", "mysqlconnector"))
OLD_COPIES = "change the password: git's history and existing images keep the old one"


def credentials(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Delete the URL from the ini file, after env.py is known or made to read it from the service's environment."""
    option = evidence.setup.config.options.get(str(finding.facts.get("option"))) if evidence.setup else None
    env = env_script(evidence)
    if option is None or option.name != "sqlalchemy.url" or env is None or not isinstance(option.value, str):
        return NotFixed(finding.rule, "it is not the URL that env.py reads, so what else reads it is not known")
    ini = Path(option.at.file)
    if ini.name == "pyproject.toml":
        return NotFixed(finding.rule, "Alembic reads no URL from pyproject.toml, so what else reads it is not known")
    if reader := other_reader(_roots(evidence, ini), (ini, Path(env.path))):
        return NotFixed(finding.rule, f"{reader} reads the URL from the ini file as well")
    before = ini.read_bytes()
    after = ini_text.delete_option(before, option.at.line)
    if after is None:
        return NotFixed(finding.rule, f"migops cannot edit {option.at} without changing more than this option")
    deleted = FileEdit(ini, before, after)
    source = url_source(env.content.decode("utf-8", "replace"))
    if source.set_at:
        return _own(evidence, finding, env, deleted)
    made = _made(evidence, finding, env, option)
    if isinstance(made, NotFixed):
        return made
    edit, variable = made
    if caller := caller_without(variable.name, (*_roots(evidence, ini), *_pipelines(ini))):
        return NotFixed(finding.rule, f"{caller} runs Alembic where nothing sets {variable.name}: set it there first")
    title = f"take sqlalchemy.url out of {ini.name}; env.py reads it from {variable.name}"
    return Fix(finding.rule, title, (deleted, edit), note=OLD_COPIES)


def _own(evidence: Evidence, finding: Finding, env: MigrationFile, deleted: FileEdit) -> Fix | NotFixed:
    """Delete alone, if env.py sets the URL itself whatever the ini file has."""
    text = env.content.decode("utf-8", "replace")
    source, use = url_source(text), option_use(text)
    conditions = [condition for _, condition in sets_url(text)]
    if not source.settled or not use.settled or use.reads("sqlalchemy.url"):
        return NotFixed(finding.rule, "env.py's text does not settle that it never needs the URL of the ini file")
    if source.variables and (missing := lacking(evidence, source.variables)):
        return NotFixed(finding.rule, f"{missing}, which env.py:{source.set_at} reads")
    if conditions and all(conditions) and not source.variables:
        return NotFixed(finding.rule, f"env.py:{source.set_at} sets the URL only under a condition")
    ini = deleted.path.name
    title = f"delete sqlalchemy.url from {ini}: env.py:{source.set_at} sets it itself"
    return Fix(finding.rule, title, (deleted,), note=OLD_COPIES)


def no_url(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Make env.py read the URL from the service's environment."""
    env = env_script(evidence)
    if env is None:
        return NotFixed(finding.rule, "env.py is not on this host")
    made = _made(evidence, finding, env, None)
    if isinstance(made, NotFixed):
        return made
    edit, variable = made
    return Fix(finding.rule, f"env.py reads the database URL from {variable.name}", (edit,))


def _made(
    evidence: Evidence, finding: Finding, env: MigrationFile, option: Option | None
) -> tuple[FileEdit, Variable] | NotFixed:
    """The edit that makes env.py read the URL from the variable that the service has for it."""
    old = str(option.value) if option else ""
    variable = variable_of(evidence, old)
    if isinstance(variable, str):
        return NotFixed(finding.rule, variable)
    path = Path(env.path)
    before = path.read_bytes()
    if not old and (unfit := _unfit(before, variable)):
        return NotFixed(finding.rule, unfit)
    edited = read_url_from(before, variable.name, (variable.scheme, old.partition("://")[0] or variable.scheme))
    if isinstance(edited, Unedited):
        return NotFixed(finding.rule, edited.reason)
    return FileEdit(path, before, edited), variable


def _unfit(env: bytes, variable: Variable) -> str:
    """The reason why the variable's driver does not suit the engine that env.py makes; '' if it may."""
    dialect, _, driver = variable.scheme.lower().partition("+")
    if dialect == "postgres":
        return f"{variable.name} begins with postgres://, which SQLAlchemy does not know: write postgresql://"
    is_async = _ASYNC.search(env) is not None
    if driver not in (_SYNC_DRIVERS if is_async else _ASYNC_DRIVERS):
        return ""
    kind = "an asynchronous" if is_async else "a synchronous"
    return f"{variable.name} begins with {variable.scheme}://, and env.py makes {kind} engine"


def percent(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Double the ``%`` of the URL that env.py passes to Alembic's configuration."""
    env = env_script(evidence)
    if env is None or not Path(env.path).is_file():
        return NotFixed(finding.rule, "env.py is not on this host")
    path = Path(env.path)
    before = path.read_bytes()
    edited = double_percents(before, int(finding.facts.get("line") or 0))
    if isinstance(edited, Unedited):
        return NotFixed(finding.rule, edited.reason)
    title = f"{path.name}: double each % of the URL, as Alembic's configuration needs it"
    return Fix(finding.rule, title, (FileEdit(path, before, edited),))


def _pipelines(ini: Path) -> Iterator[Path]:
    """The folders of CI pipelines, which stand at the top of the repository."""
    top = holder(ini.parent)
    if top is not None:
        yield from (top / name for name in (".github", ".gitlab", ".circleci"))


def _roots(evidence: Evidence, ini: Path) -> tuple[Path, ...]:
    """The folders in which the ini file's URL may be read: its own, and the compose project's."""
    project = evidence.setup.project if evidence.setup else None
    return (ini.parent, *((Path(project.directory),) if project else ()))
