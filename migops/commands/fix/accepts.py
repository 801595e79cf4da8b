"""Whether docker compose accepts the edited files, and reads nothing but the intended change in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops.commands.fix.compose_edits.same_model import read
from migops.commands.fix.model import FileEdit
from migops.commands.fix.start_trial import contents_before
from migops.compose import Project
from migops.compose.verify import differences
from migops.core.errors import MigopsError
from migops.core.process import CommandError, run
from migops.core.redaction import redact


@dataclass(frozen=True, slots=True)
class ComposeReading:
    """The project as docker compose reads it; ``document`` is None for the ``reason`` that stands there."""

    document: Mapping[str, Any] | None
    reason: str = ""


def composed(words: Sequence[str]) -> ComposeReading:
    """The project as the compose command ``words`` (with the call's own options) reads it now. Nothing is started."""
    try:
        done = run((*words, "config", "--format", "json"), check=False)
        if done.code:
            return ComposeReading(None, _last_line(done.stderr))
        document: Any = json.loads(done.stdout)
    except (CommandError, ValueError) as error:
        return ComposeReading(None, getattr(error, "message", "docker compose config did not print JSON"))
    if not isinstance(document, dict):
        return ComposeReading(None, "docker compose config did not print a project")
    return ComposeReading(document)


def objection(words: Sequence[str], before: ComposeReading, edits: Sequence[FileEdit], project: Project) -> str:
    """What docker compose has against the edited files, which are in place; '' if nothing.

    ``before``: its reading before the edits, which it accepted. ``project``: from any reading with the same options.
    """
    try:
        checked = run((*words, "config", "-q"), check=False)
    except CommandError as error:
        return error.message
    if checked.code:
        return f"docker compose rejects the edited files: {_last_line(checked.stderr)}"
    after = composed(words)
    if after.document is None or before.document is None:
        return after.reason
    try:
        old, new = read(project, contents_before(project, edits)), read(project, {})
    except MigopsError as error:
        return f"the edited files cannot be read: {error}"
    intended = _changed(_common(old), _common(new))
    seen = _changed(_common(before.document), _common(after.document))
    if unexpected := sorted(seen - intended):
        return f"docker compose reads another change in the edited files: {'.'.join(unexpected[0])}"
    if missed := sorted(intended - seen):
        return f"docker compose does not see the change of {'.'.join(missed[0])}"
    return ""


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[tuple[str, ...]]:
    return {each.path for each in differences(old, new)}


def _common(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without the sections that one of both readings has alone."""
    return {key: value for key, value in document.items() if key != "inactive" and not key.startswith("x-")}


def _last_line(text: bytes) -> str:
    lines = redact(text.decode("utf-8", "replace")).strip().splitlines()
    return lines[-1] if lines else "it gives no reason"
