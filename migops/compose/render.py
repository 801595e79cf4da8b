"""A resolved document as text: the JSON and YAML that ``docker compose config`` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from migops.errors import MigopsError


def to_json(document: Mapping[str, Any]) -> str:
    """Indented JSON with every ``$`` doubled, so that it can be read back as a compose file."""
    for service in document.get("services", {}).values():
        keys = (service.get("build") or {}).get("ssh", [])
        if any(": " in key for key in keys):
            said = "json: error calling MarshalJSON for type types.SSHKey: invalid character ':' after top-level value"
            raise MigopsError(said, hint="compose cannot print build.ssh with a path as JSON; use --format yaml")
    return json.dumps(document, indent=2, ensure_ascii=False).replace("$", "$$")
