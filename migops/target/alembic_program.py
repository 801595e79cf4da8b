"""How Alembic is called in a service, for printed commands and for those that run."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.entrypoint.alembic_call import Process, typed
from migops.migrations.config import parse_config
from migops.sources.home import Home, home_of
from migops.target.target import Target

if TYPE_CHECKING:
    from migops.sources.program_file import ProgramFile


@dataclass(frozen=True, slots=True)
class Program:
    """How Alembic is called in the service."""

    words: tuple[str, ...]
    """The command line before Alembic's own arguments."""
    keeps_entrypoint: bool = False
    """True if the image's entrypoint runs first (``x-migops: {entrypoint: keep}``)."""
    working_dir: str = ""
    """The folder in the container that Alembic is started in; empty if it is the container's own."""


def program(target: Target) -> Program:
    """``x-migops: {alembic: …}`` of the service, else ``flask db`` or ``alembic``, depending on the configuration.

    Flask-Migrate keeps its ini beside ``env.py`` and names the folder in code, so ``alembic`` alone would not find it.
    MigopsError if the setting is not a command.
    """
    keeps = target.settings.get("entrypoint") == "keep"
    if given := target.settings.get("alembic", ""):
        try:
            words = tuple(shlex.split(given))
        except ValueError as error:
            raise MigopsError(f"x-migops.alembic of service {target.service!r} is not a command: {error}") from None
        return Program(words, keeps)
    return Program(("flask", "db") if _is_flask_migrate(target) else ("alembic",), keeps)


def aimed(
    target: Target, home: Home | None, given: Collection[str] = (), file: ProgramFile | None = None
) -> tuple[str, ...]:
    """The command line that runs Alembic in the service, with the options that it needs to find its configuration.

    ``home``: its starting place in the image. No option is added if a plain ``alembic`` reads the same files there,
    also by ALEMBIC_CONFIG. ``given``: options that the user's arguments already contain (``config``, ``name``).
    ``file``: the program in the image, which may be in a virtual environment. ``x-migops: {alembic: …}`` is used
    unchanged.
    """
    words = program(target).words
    if target.settings.get("alembic", ""):
        return words
    called = (*file.words, *words[1:]) if file is not None and file.words else words
    if home is None or words != ("alembic",):
        return called
    plain = home_of(typed(Process(home.cwd, home.environment or {})))
    is_plain = {plain.config, plain.second} == {home.config, home.second}
    is_plain = is_plain and not home.away
    config = home.config if home.away else posixpath.relpath(home.config, home.cwd)
    named = () if is_plain or "config" in given else ("-c", config)
    section = ("-n", home.section) if home.section != "alembic" and "name" not in given else ()
    return (*called, *named, *section)


def _is_flask_migrate(target: Target) -> bool:
    config = target.config
    if config.suffix != ".ini" or not (config.parent / "env.py").is_file():
        return False
    return "script_location" not in parse_config(config.read_bytes(), str(config), target.section).options
