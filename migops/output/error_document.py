"""The document that a command writes instead of its own if it stopped with an error."""

from __future__ import annotations

from typing import Any

from migops.core.errors import MigopsError, Stopped


def document(command: str, error: MigopsError) -> dict[str, Any]:
    """Schema 1: the message, its place, the hint, the exit code; the commands to type if there are any."""
    at = {"file": error.at.file, "line": error.at.line} if error.at else None
    fields: dict[str, Any] = {"message": error.message, "at": at, "hint": error.hint, "exit": int(error.exit_code)}
    if isinstance(error, Stopped):
        fields["commands"] = [list(words) for words in error.commands]
    return {"schema": 1, "command": command, "verdict": "error", "error": fields}
