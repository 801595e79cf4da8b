"""A rescue as plain values, schema 1."""

from __future__ import annotations

from typing import Any

from migops.commands.rescue import RescueResult


def document(result: RescueResult) -> dict[str, Any]:
    """The document of ``migops rescue``."""
    return {
        "schema": 1,
        "command": "rescue",
        "dry_run": result.dry_run,
        "copied": [
            {
                "revision": copy.revision,
                "container": copy.container,
                "from": copy.script.path,
                "to": str(copy.to),
                "sha256": copy.script.sha256,
                "note": copy.why,
            }
            for copy in result.copies
        ],
        "commit": [list(command) for command in result.commit],
        "next": list(result.next) or None,
        "unread": result.unread or None,
        "archived": [str(path) for path in result.archived],
        "left": [
            {"revision": script.revision, "path": script.name, "container": script.container, "reason": script.why}
            for script in result.left
        ],
    }
