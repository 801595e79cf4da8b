from __future__ import annotations


class EngineUnavailable(Exception):
    """No engine can be had here; the text says why and what would change that. Tests let it fail them: never a skip."""
