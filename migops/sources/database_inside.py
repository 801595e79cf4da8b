"""The database, asked from inside the service's running container if no address is reachable from here.

A small read-only script is run by the container's own Python. Nothing else is started, and nothing is written. If no
container is running, none is started.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError
from migops.core.model import Absent, Unknown
from migops.database import parse_url
from migops.database.postgres.catalogue import RELATIONS
from migops.database.reading import LOCK_WAIT
from migops.docker import Engine, execs
from migops.docker.containers import inspect, running
from migops.sources import database_probe
from migops.sources.database_question import Question
from migops.sources.database_read import SERVERS, Reached, arranged, state
from migops.sources.database_state import DatabaseState
from migops.sources.followed_table import table_of

if TYPE_CHECKING:
    from migops.database import DatabaseUrl
    from migops.migrations.version_table import VersionTable
    from migops.sources.database_url import Sought

_NO_PROGRAM = (126, 127)
_ALARM = 128 + 14  # the exit code of a process that SIGALRM has ended
_GRACE = 5.0  # seconds for an engine to report the end of the script, which ends by itself
_QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8"}


def ask_inside(asked: Question, sought: Sought, outside: Unknown) -> DatabaseState | Absent | Unknown:
    """Ask from inside a container of the service.

    ``outside`` is the reason why it cannot be asked from here. If this fails too, the answer contains both reasons.
    """
    table = table_of(asked)
    if isinstance(table, Unknown) or asked.engine is None or asked.service is None:
        return outside
    try:
        url = parse_url(sought.text, ours=False)
    except MigopsError:
        return outside  # with the same reason
    if url.dialect == "sqlite" and (url.url.database or ":").startswith((":", "file:")):
        return outside  # an SQLite database in the memory of a process
    try:
        engine = asked.engine()
    except MigopsError:
        return outside  # no engine, so no container
    try:
        container = _running(engine, asked)
        if container is None:
            start = (*asked.compose, "up", "-d", "--no-deps", asked.service.name)
            why = f"no container of {asked.service.name} is running from which it could be read"
            hint = f"`{shlex.join(start)}` starts one; or {outside.hint}".removesuffix("; or ")
            return replace(outside, reason=f"{outside.reason}; {why}", hint=hint, command=outside.command or start)
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
    return replace(outside, reason=f"{outside.reason}; {inside}")


def _running(engine: Engine, asked: Question) -> dict[str, Any] | None:
    """The inspection of the service's first running container, None if there is none. One-offs do not count."""
    if asked.project is None or asked.service is None:
        return None
    listed = running(engine, asked.project.name, asked.service.name)
    first = min(listed, key=lambda each: str(each.get("Names")), default=None)
    return inspect(engine, str(first["Id"])) if first else None


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
    """The script's answer, from the first Python that can ask; ``{"error": …}`` if none can."""
    why = "it has no Python to read it with"
    for python in _pythons(container):
        code, output = _run(engine, str(container["Id"]), python, question, asked)
        answers = [line for line in output.splitlines() if line.startswith(database_probe.MARK)]
        if answers:
            answer: dict[str, Any] = json.loads(answers[-1][len(database_probe.MARK) :])
            if answer.get("missing") != "sqlalchemy":
                return answer
            why = f"its {python} has no SQLAlchemy"
        elif code == _ALARM:
            return {"error": f"no answer within {asked.timeout:g} s"}
        elif code not in _NO_PROGRAM:
            return {"error": f"its {python} failed with exit code {code}"}
    return {"error": why}


def _run(engine: Engine, container: str, python: str, question: str, asked: Question) -> tuple[int | None, str]:
    """The exit code and standard output. Standard error is dropped: it may quote secrets."""
    script = Path(database_probe.__file__).read_text(encoding="utf-8")
    environment = {**_QUIET, database_probe.ASKED: question}
    exec_id = execs.create_exec(engine, container, (python, "-B", "-c", script), environment, cwd=asked.working_dir)
    with execs.output(engine, exec_id, silence=asked.timeout + _GRACE) as written:
        output = b"".join(piece for stream, piece in written if stream == execs.STDOUT)
    code = execs.exec_state(engine, exec_id).code
    return (_NO_PROGRAM[0] if output.startswith(execs.REFUSED) else code), output.decode("utf-8", "replace")


def _pythons(container: Mapping[str, Any]) -> Iterator[str]:
    """The Python beside the container's running program (in a virtual environment), then those on PATH."""
    program = str(container.get("Path") or "")
    if posixpath.isabs(program):
        yield posixpath.join(posixpath.dirname(program), "python")
    yield from ("python3", "python")


def _as_sqlalchemy_takes_it(text: str) -> str:
    scheme, colon, rest = text.strip().partition(":")
    return f"postgresql{scheme[len('postgres') :]}{colon}{rest}" if scheme.split("+")[0] == "postgres" else text.strip()
