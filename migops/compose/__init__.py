"""Compose files → ``Project``, exactly as ``docker compose`` reads them. Start with ``load``."""

from __future__ import annotations

from migops.compose.discovery import NoComposeFile
from migops.compose.loader import load
from migops.compose.model import (
    Build,
    ComposeOptions,
    Dependency,
    FileMount,
    Healthcheck,
    Hook,
    Mount,
    Network,
    Project,
    Service,
    Volume,
)
from migops.compose.unread import EnvFiles, Unread

__all__ = [
    "Build",
    "ComposeOptions",
    "Dependency",
    "EnvFiles",
    "FileMount",
    "Healthcheck",
    "Hook",
    "Mount",
    "Network",
    "NoComposeFile",
    "Project",
    "Service",
    "Unread",
    "Volume",
    "load",
]
