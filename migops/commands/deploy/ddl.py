"""The SQL of what is pending, for a dry run: Alembic's offline mode, in a container that has no network.

The new image is not built yet, so the host's scripts are written over those of the image that is there.
"""

from __future__ import annotations

import posixpath
import secrets

from migops.commands.deploy.inputs import DeployInputs
from migops.core.errors import Unavailable
from migops.core.model import PlaceName
from migops.core.redaction import redact
from migops.core.terminal import printable
from migops.docker import Engine, execs, making


def of(inputs: DeployInputs, engine: Engine) -> str:
    """The SQL, a statement or comment a line; a sentence in brackets where it cannot be told, and why."""
    pending = inputs.position.pending if inputs.position else None
    image, held = inputs.evidence.image, inputs.evidence.chain.held(PlaceName.IMAGE)
    if pending is None:
        return "(the database is not running yet, so the pending migrations are not known)"
    if not pending:
        return "(nothing is pending)"
    if image is None or held is None:
        return "(there is no image yet to generate the SQL with: build it, then run this again)"
    rows = inputs.state.rows if inputs.state else ()
    start = rows[0] if len(rows) == 1 else ""
    if len(rows) > 1:
        return f"(the database has {len(rows)} rows, and Alembic generates SQL from a single revision only)"
    files = {
        posixpath.normpath(posixpath.join(held.script_location, name)): file.content
        for name, file in inputs.host.scripts.items()
    }
    targets = inputs.history.heads
    return "\n".join(_offline(inputs, engine, image.id, files, f"{start}:{to}" if start else to) for to in targets)


def _offline(inputs: DeployInputs, engine: Engine, image: str, files: dict[str, bytes], span: str) -> str:
    service, name = inputs.service, f"migops-sql-{secrets.token_hex(6)}"
    environment = {key: value for key, value in service.environment.items() if value is not None}
    words = (*inputs.evidence.alembic, "upgrade", span, "--sql")
    body: dict[str, object] = {
        "Image": image,
        **({} if inputs.keeps_entrypoint else {"Entrypoint": [words[0]]}),
        "Cmd": list(words if inputs.keeps_entrypoint else words[1:]),
        "Env": [f"{key}={value}" for key, value in environment.items()],
        "User": service.user,
        "WorkingDir": inputs.starts_in or service.working_dir,
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none"},
    }
    lines: dict[int, bytes] = {execs.STDOUT: b"", execs.STDERR: b""}
    try:
        making.create_container(engine, name, body)
        making.put(engine, name, files)
        with making.attached(engine, name) as pieces:
            making.start(engine, name)
            for stream, data in pieces:
                lines[stream] = lines.get(stream, b"") + data
        code = making.wait(engine, name)
    except Unavailable as error:
        return f"(the SQL could not be generated: {error.message})"
    finally:
        execs.remove(engine, name)
    shown = lines[execs.STDOUT] if code == 0 else lines[execs.STDOUT][-2000:] + lines[execs.STDERR][-2000:]
    text = "\n".join(printable(redact(line)) for line in shown.decode("utf-8", "replace").strip().splitlines())
    return text if code == 0 else f"(Alembic could not generate it, exit code {code})\n{text}"
