"""The target of a command by its options, and what was chosen for the user on the way, told on standard error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options_of
from migops.core.errors import MigopsError

if TYPE_CHECKING:
    from migops.target import Target, Wanted


def resolve(wanted: Wanted, given: Mapping[str, Any]) -> Target:
    """``target.resolve`` for the command line in ``given``, in the current folder."""
    from migops import target

    resolved = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    tell(resolved.notices)
    return resolved


def tell(notices: Iterable[str]) -> None:
    """Print sentences on standard error, so that the answer on standard output stays as it is."""
    for notice in notices:
        from migops.core.terminal import printable  # most calls have none

        click.echo(f"migops: {printable(notice)}", err=True)


def pairs(words: Sequence[str]) -> dict[str, str]:
    """The values of --build-arg. MigopsError if one has no ``=``."""
    for word in words:
        if "=" not in word:
            raise MigopsError(f"--build-arg must be NAME=VALUE, not {word!r}")
    return dict(word.split("=", 1) for word in words)
