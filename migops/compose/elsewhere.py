"""Compose files of other names or in the usual subfolders, for a folder in which compose itself finds none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from migops.compose.discovery import FILE_NAMES
from migops.compose.yamlfile import documents
from migops.core.errors import MigopsError

FOLDERS = frozenset({
    "build", "ci", "compose", "container", "containers", "deploy", "deployment", "deployments", "dev", "devops",
    "docker", "docker-compose", "docker_compose", "dockerfiles", "env", "environments", "etc", "infra",
    "infrastructure", "local", "ops", "prod", "production", "server", "tools",
})  # fmt: skip
"""Names of folders, with or without a leading dot, in which every YAML file is considered, two levels deep."""
SKIPPED = frozenset({
    "node_modules", "venv", "site-packages", "__pycache__", "dist", "doc", "docs", "example", "examples", "test",
    "tests",
})  # fmt: skip
LARGEST = 1_000_000  # bytes; a compose file is smaller
_NAMED = re.compile(r"(.*[._-])?compose([._-].*)?\.ya?ml", re.IGNORECASE)
_SERVICES = re.compile(rb"^(services|\"services\"|'services')[ \t]*:", re.MULTILINE)
_STANDS_ALONE = frozenset({"image", "build", "extends"})


def search(folder: Path) -> tuple[Path, ...]:
    """The compose files in ``folder``, in its subfolders of the usual names, and those named so in other subfolders.

    Only files that define services with an image or a build count: no override file, and no other kind of YAML.
    """
    return tuple(path for path in _candidates(folder) if is_compose_file(path))


def is_compose_file(path: Path) -> bool:
    """Whether the file parses as a compose file with ``services:`` of which one has an image or a build."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return False
        content = path.read_bytes()
        if not _SERVICES.search(content):
            return False
        parsed = [document.value for document in documents(content, str(path))]
    except (OSError, MigopsError):
        return False
    return any(_defines_services(value) for value in parsed)


def _defines_services(value: Any) -> bool:
    services = value.get("services") if isinstance(value, dict) else None
    if not isinstance(services, dict) or not all(isinstance(each, dict) for each in services.values()):
        return False
    return any(_STANDS_ALONE & service.keys() for service in services.values())


def _candidates(folder: Path) -> Iterator[Path]:
    yield from _yaml_files(folder)
    for below in _folders(folder):
        if below.name.lstrip(".").lower() in FOLDERS:
            yield from _yaml_files(below)
            for deeper in _folders(below):
                yield from _yaml_files(deeper)
        elif not below.name.startswith("."):
            yield from (path for path in _yaml_files(below) if path.name in FILE_NAMES or _NAMED.fullmatch(path.name))


def _yaml_files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix.lower() in (".yml", ".yaml")]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.name not in SKIPPED and path.is_dir() and not path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # a folder that this user may not read has no compose file for this user
        return []
