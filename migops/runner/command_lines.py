"""What is run, as words. Pure functions: they run nothing, so that tests read exactly what would be run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from migops.core.options import ALEMBIC, with_value
from migops.runner.arguments import FILES
from migops.sources.home import Home
from migops.state import owner
from migops.target import Target, alembic_program
from migops.target.alembic_program import Program as Program
from migops.target.alembic_program import program as program

TOKEN = "MIGOPS_RUN"  # noqa: S105 - no password
"""Set in the environment of what migops runs in a container that it did not start, so that it is found there."""


def makes_files(arguments: Sequence[str]) -> bool:
    """Whether Alembic, called so, may write a new revision file. Sometimes said of a call that does not."""
    return not set(FILES).isdisjoint(arguments)


def global_options(arguments: Sequence[str]) -> Mapping[str, str]:
    """``config`` and ``name`` as given by Alembic's own -c and -n, before its command."""
    return {option.name.lstrip("-"): option.value for option in with_value(arguments, ALEMBIC)}


def options(target: Target, home: Home | None, arguments: Sequence[str]) -> tuple[str, ...]:
    """Alembic's own -c and -n, where ``arguments`` lack them and it would read another configuration without."""
    plain = program(target).words
    return alembic_program.aimed(target, home, global_options(arguments).keys())[len(plain) :]


def with_options(target: Target, options: tuple[str, ...]) -> Program:
    """The service's program with these options before all others."""
    found = program(target)
    return replace(found, words=(*found.words, *options))


def aimed(target: Target, arguments: Sequence[str], cwd: Path) -> Target:
    """The target as Alembic's own -c and -n change it. ``cwd``: the host's folder that is the working directory."""
    given = global_options(arguments)
    if section := given.get("name"):
        target = replace(target, section=section, named=True)
    config = given.get("config", "")
    if config and (cwd / config).is_file() and not Path(config).is_absolute():
        target = replace(target, config=Path(os.path.normpath(cwd / config)), image_config="", named=True)
    return target


def one_off(
    target: Target, program: Program, arguments: Sequence[str], name: str, *, terminal: bool,
    variables: Collection[str] = (), mount: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """``docker compose run`` for an attached container, by the user's own compose command: see ``compose_run``."""
    docker, verb, *options = target.commands.compose
    compose = (docker, verb, "--progress", "quiet", *options)
    return compose_run(
        compose, target.service, program, arguments, name, terminal=terminal, variables=variables, mount=mount
    )


def compose_run(
    compose: Sequence[str], service: str, program: Program, arguments: Sequence[str], name: str, *,
    terminal: bool = False, detached: bool = False, variables: Collection[str] = (), working_dir: str = "",
    mount: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """``docker compose run`` for a container of that name: the service's networks, volumes, environment and user, and
    nothing before Alembic but an entrypoint that is said to be needed.

    Without ``--rm``: how it ended is asked of the engine, and then it is removed. ``variables`` are the names of those
    that compose hands on from its own environment: no value is in the process list. ``mount`` are words for one more
    volume.
    """
    words = [*compose, "run", *(("-d",) if detached else ()), "--no-deps", "--name", name, *labels(), *mount]
    words += () if terminal else ("-T",)
    words += [word for variable in variables for word in ("--env", variable)]
    words += ("--workdir", working_dir) if working_dir else ()
    first, *rest = program.words
    if program.keeps_entrypoint:
        return (*words, service, first, *rest, *arguments)
    return (*words, "--entrypoint", shlex.quote(first), service, *rest, *arguments)


def in_terminal(
    container: str, program: Program, arguments: Sequence[str], token: str, variables: Collection[str] = ()
) -> tuple[str, ...]:
    """``docker exec`` with the terminal passed on, and ``variables`` from its own environment."""
    more = [word for variable in variables for word in ("--env", variable)]
    return ("docker", "exec", "-it", "--env", f"{TOKEN}={token}", *more, container, *program.words, *arguments)


def labels() -> tuple[str, ...]:
    """The options of ``docker compose run`` by which a one-off container says which process started it."""
    return tuple(word for key, value in owner.labels().items() for word in ("--label", f"{key}={value}"))


def signalling(token: str, signal: str) -> tuple[tuple[str, ...], ...]:
    """Commands that send ``signal`` to what carries the token in its environment; the first that can be run counts.

    The engine tells the process's number only as its host counts, and has no call that would send it a signal.
    """
    mark = f"{TOKEN}={token}"
    shell = (
        f'found=1; for p in /proc/[0-9]*; do if grep -q {mark} "$p/environ" 2>/dev/null; '
        f'then kill -{signal} "${{p#/proc/}}" && found=0; fi; done; exit $found'
    )
    python = (
        "import glob, os, signal, sys\nfound = 1\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try:\n"
        f"        if {mark.encode()!r} in open(path, 'rb').read().split(b'\\0'):\n"
        f"            os.kill(int(path.split('/')[2]), signal.SIG{signal})\n            found = 0\n"
        "    except OSError:\n        pass\n"
        "sys.exit(found)"
    )
    return ("sh", "-c", shell), ("python3", "-c", python), ("python", "-c", python)
