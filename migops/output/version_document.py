"""The versions as plain values, schema 1."""

from __future__ import annotations

from typing import Any

from migops.commands.versions import VersionResult


def document(result: VersionResult) -> dict[str, Any]:
    """The document of ``migops version``; of each part either ``version`` or ``reason`` is null."""
    return {
        "schema": 1,
        "command": "version",
        "migops": result.migops,
        "parts": {
            name.replace(" ", "_"): {
                "version": part.version or None, "reason": part.reason or None, "note": part.note or None,
            }
            for name, part in result.parts.items()
        },
    }  # fmt: skip
