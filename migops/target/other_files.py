"""Compose files without a default name: which one is meant, and what to type to name it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from migops.compose import ComposeOptions, EnvFiles, NoComposeFile, load
from migops.compose.discovery import FILE_NAMES
from migops.compose.elsewhere import search
from migops.core.errors import MigopsError
from migops.core.printed import again
from migops.core.terminal import shell_line
from migops.core.text import first_few
from migops.target.configuration import has_migrations
from migops.target.offer import context_offer

TAKING = frozenset({"check-image", "status", "doctor", "graph", "config"})
"""The commands that take such a file by themselves. The others act, or show what acting left: they only name it."""
FILES_NAMED = 3  # in the hint that several match


def choose_file(
    error: NoComposeFile, command: str, options: ComposeOptions, environment: Mapping[str, str], cwd: Path
) -> tuple[str, str]:  # fmt: skip
    """The file that a reading command takes, relative to ``cwd``, and why it is the one.

    Raises ``error``, with a further hint if there is no such file; NoComposeFile if there are several, or if the
    command acts.
    """
    folder = Path(os.path.normpath(cwd / options.project_directory))
    paths = sorted(search(folder), key=lambda path: path.name not in FILE_NAMES)  # those of a default name first
    files = [os.path.relpath(path, cwd) for path in paths]
    if not files:
        if offer := context_offer(folder, cwd, command):
            error.hint = f"check the build without one: {shell_line(offer)}; or {error.hint}"
        raise error
    file, why = _only(files, options, environment, cwd)
    if command not in TAKING or not file:
        raise _named(files, folder, cwd, command) from None
    return file, why


def _only(
    files: Sequence[str], options: ComposeOptions, environment: Mapping[str, str], cwd: Path
) -> tuple[str, str]:  # fmt: skip
    """The only file, or the only one with a service that is built from migrations, and why; '' if there are several."""
    if len(files) == 1:
        return files[0], "the only one"
    building = []
    for file in files:
        try:
            named = replace(options, files=(file,))
            project = load(named, environment, cwd=str(cwd), env_files=EnvFiles.OPTIONAL)
        except MigopsError:
            return "", ""  # it may be the one that is meant
        if any(has_migrations(service) for service in project.services.values()):
            building.append(file)
    return (building[0], f"the only one of {len(files)} that builds migrations") if len(building) == 1 else ("", "")


def _named(files: Sequence[str], folder: Path, cwd: Path, command: str) -> NoComposeFile:
    """The error that names each file with the command to type."""
    here = "here" if folder == cwd else f"in {folder}"
    commands = [again("-f", file, command=command) for file in files[:FILES_NAMED]]
    error = NoComposeFile(
        f"no compose file of a default name {here}; there {'is' if len(files) == 1 else 'are'} "
        f"{first_few(files, FILES_NAMED)}",
        hint="; or ".join(commands),
    )  # fmt: skip
    error.found = tuple(files)
    return error
