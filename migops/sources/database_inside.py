"""The database, asked from inside the service's running container, where no address leads to it from here.

A small script that only reads is run there by the Python that is there: nothing is started but that, and nothing
written. Where no container runs, none is started.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError
from migops.core.model import Absent, Unknown
from migops.database import parse_url
from migops.database.reading import LOCK_WAIT
from migops.docker import Engine, execs
from migops.docker.containers import inspect
from migops.sources import database_probe
from migops.sources.database_address import LABEL
from migops.sources.database_question import Question, table_of
from migops.sources.database_read import RELATIONS, SERVERS, Reached, arranged, state
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from migops.database import DatabaseUrl
    from migops.migrations.version_table import VersionTable
    from migops.sources.database_url import Sought

_NO_PROGRAM = (126, 127)
_ALARM = 128 + 14  # the code of a process that SIGALRM has ended
_GRACE = 5.0  # seconds after which an engine that says nothing of the script has lost it: the script ends by itself
_QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8"}


def ask_inside(asked: Question, sought: Sought, outside: Unknown) -> DatabaseState | Absent | Unknown:
    """Ask from inside a container of the service.

    ``outside`` is why it cannot be asked from here: where this does not work either, the answer has both reasons.
    """
    table = table_of(asked)
    if isinstance(table, Unknown) or asked.engine is None or asked.service is None:
        return outside
    try:
        url = parse_url(sought.text, ours=False)
    except MigopsError:
        return outside  # which says the same
    if url.dialect == "sqlite" and (url.url.database or ":").startswith((":", "file:")):
        return outside  # it lives in the memory of a process
    try:
        engine = asked.engine()
    except MigopsError:
        return outside  # without an engine there is no way in either
    try:
        container = _running(engine, asked)
        if container is None:
            start = shlex.join((*asked.compose, "up", "-d", "--no-deps", asked.service.name))
            why = f"no container of {asked.service.name} is running from which it could be read"
            return Unknown(f"{outside.reason}; {why}", f"`{start}` starts one; or {outside.hint}".removesuffix("; or "))
        name = str(container.get("Name") or "").lstrip("/")
        answer = _answer(engine, container, asked, _question(asked, sought, url, table))
    except MigopsError as error:
        return _both(outside, f"could not read it from inside a container: {url.redact(str(error))}")
    if "absent" in answer:
        return Absent(f"there is no SQLite file {answer['absent']} in {name} yet")
    if "error" in answer:
        return _both(outside, f"asked from inside {name}: {url.redact(str(answer['error']))}")
    reached = Reached(url, url, table, sought.origin, f"asked from inside {name}")
    tables = [(str(schema), str(each), at) for schema, each, at in answer["tables"]]
    rows = [str(row) for row in answer["rows"]]
    return state(reached, arranged(tables, table), rows, str(answer["server"]), str(answer["name"]))


def _both(outside: Unknown, inside: str) -> Unknown:
    return Unknown(f"{outside.reason}; {inside}", outside.hint)


def _running(engine: Engine, asked: Question) -> dict[str, Any] | None:
    """The inspection of the service's first container that runs, None where none does. One-off ones do not count."""
    if asked.project is None or asked.service is None:
        return None
    labels = {f"{LABEL}project": asked.project.name, f"{LABEL}service": asked.service.name}
    for listed in sorted(engine.containers(labels), key=lambda each: str(each.get("Names"))):
        one_off = (listed.get("Labels") or {}).get(f"{LABEL}oneoff") == "True"
        if listed.get("State") == "running" and not one_off:
            return inspect(engine, str(listed["Id"]))
    return None


def _question(asked: Question, sought: Sought, url: DatabaseUrl, table: VersionTable) -> str:
    return json.dumps(
        {
            "url": _as_sqlalchemy_takes_it(sought.text),
            "dialect": url.dialect,
            "file": url.url.database or "",
            "table": table.name,
            "schema": table.schema,
            "timeout": asked.timeout,
            "lock": min(LOCK_WAIT, asked.timeout),
            "relations": RELATIONS,
            "servers": SERVERS,
        }
    )


def _answer(engine: Engine, container: Mapping[str, Any], asked: Question, question: str) -> dict[str, Any]:
    """What the script answers, by the first Python that can ask; ``{"error": …}`` where none can."""
    why = "it has no Python to read it with"
    for python in _pythons(container):
        code, said = _run(engine, str(container["Id"]), python, question, asked)
        answers = [line for line in said.splitlines() if line.startswith(database_probe.MARK)]
        if answers:
            found: dict[str, Any] = json.loads(answers[-1][len(database_probe.MARK) :])
            if found.get("missing") != "sqlalchemy":
                return found
            why = f"its {python} has no SQLAlchemy"
        elif code == _ALARM:
            return {"error": f"no answer within {asked.timeout:g} s"}
        elif code not in _NO_PROGRAM:
            return {"error": f"its {python} failed with exit code {code}"}
    return {"error": why}


def _run(engine: Engine, container: str, python: str, question: str, asked: Question) -> tuple[int | None, str]:
    """The exit code and the standard output; what a program writes to standard error may quote secrets."""
    script = Path(database_probe.__file__).read_text(encoding="utf-8")
    environment = {**_QUIET, database_probe.ASKED: question}
    exec_id = execs.create_exec(engine, container, (python, "-B", "-c", script), environment, cwd=asked.working_dir)
    with execs.output(engine, exec_id, silence=asked.timeout + _GRACE) as written:
        said = b"".join(piece for stream, piece in written if stream == execs.STDOUT)
    code = execs.exec_state(engine, exec_id).code
    return (_NO_PROGRAM[0] if said.startswith(execs.REFUSED) else code), said.decode("utf-8", "replace")


def _pythons(container: Mapping[str, Any]) -> Iterator[str]:
    """The Python that lies beside the program that runs there (in a virtual environment), then those on PATH."""
    program = str(container.get("Path") or "")
    if posixpath.isabs(program):
        yield posixpath.join(posixpath.dirname(program), "python")
    yield from ("python3", "python")


def _as_sqlalchemy_takes_it(text: str) -> str:
    scheme, colon, rest = text.strip().partition(":")
    return f"postgresql{scheme[len('postgres') :]}{colon}{rest}" if scheme.split("+")[0] == "postgres" else text.strip()
