"""What is run, as words. Pure functions: they run nothing, so that tests read exactly what would be run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from migops.collect import Survey
from migops.core.errors import Unavailable
from migops.core.options import ALEMBIC, with_value
from migops.core.text import first_few
from migops.runner.arguments import FILES
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


def in_image(target: Target, seen: Survey, arguments: Sequence[str]) -> Program:
    """The service's program as the image that was read needs it: by its path if it is not on the PATH, in the folder
    where Alembic finds its scripts, and with Alembic's own -c and -n, where ``arguments`` lack them and it would read
    another configuration without.

    Raises ``Unavailable`` if the image has no such program.
    """
    plain, found = program(target), seen.program
    if found is not None and found.is_missing and not plain.keeps_entrypoint:
        raise Unavailable(no_program(found.name, target.image, found.looked), hint=SAY_HOW)
    words = alembic_program.aimed(target, seen.home, global_options(arguments).keys(), found)
    return replace(plain, words=words, working_dir=seen.starts_in)


SAY_HOW = (
    "say how Alembic is called there, under the service: x-migops: {alembic: /path/to/venv/bin/alembic}, or "
    '{alembic: "python -m alembic"}'
)


def no_program(name: str, image: str, looked: Sequence[str]) -> str:
    """The sentence that the image has no such program in any of these folders."""
    return f"{image} has no program {name!r} in {first_few(list(dict.fromkeys(looked)), 8)}"


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
    working_dir = working_dir or program.working_dir
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
    more += ["--workdir", program.working_dir] if program.working_dir else []
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
