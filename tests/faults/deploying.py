"""What the tests of a deploy's faults share: a run at whose steps something happens, and how things stand after it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests import warm
from tests.deploy.stack import Stack
from tests.kit import Result

AT = Path(__file__).with_name("at.py")
SLEEPING = "select pid from pg_stat_activity where query like '%pg_sleep%' and application_name like 'migops-%'"
QUICK = ("--cache", "--health-timeout", "20", "--watch", "2")


def begin(stack: Stack, *words: str, at: Mapping[str, str] | None = None, **env: str) -> subprocess.Popen[str]:
    """A deploy that goes on. ``at`` says what happens once its journal has a line: see ``tests/faults/at.py``."""
    argv = (sys.executable, str(AT), json.dumps(at or {}), "rebuild-and-migrate", *stack.flags, "--yes")
    return warm.Popen(
        (*argv, "--format", "json", *QUICK, *words), cwd=stack.project, env={**stack.env, **env}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(running: subprocess.Popen[str], timeout: float = 300) -> Result:
    out, err = running.communicate(timeout=timeout)
    return Result(running.returncode, out, err)


def deploy(stack: Stack, *words: str, at: Mapping[str, str] | None = None, **env: str) -> Result:
    return ended(begin(stack, *words, at=at, **env))


def stands(stack: Stack) -> tuple[Any, ...]:
    """The image that the name means, the images that run, the version table's rows, the user's rows."""
    users = stack.query("select title from product order by 1").splitlines()
    return stack.image(), stack.running(), stack.rows(), users


def end(stack: Stack) -> dict[str, Any]:
    """The last line of the last run's journal."""
    return stack.journals()[-1][-1]


def noted(stack: Stack) -> list[str]:
    """What the last run's journal says of steps, in order: "step:status"."""
    return [f"{line['step']}:{line['status']}" for line in stack.journals()[-1] if "step" in line]


def until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, f"it never came to this: {what}"
        time.sleep(0.1)


def address(found: Stack, service: str = "db") -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return found.box.docker("inspect", "-f", form, f"{found.box.name}-{service}-1").strip()


@contextmanager
def session(found: Stack, name: str = "someone") -> Iterator[psycopg.Connection[Any]]:
    """A session on the database of the example, past everything."""
    url = f"postgresql://shop:{found.password}@{address(found)}/shop"
    with psycopg.connect(url, application_name=name) as made:
        yield made


def until_it_sleeps(found: Stack) -> None:
    """Wait until a migration is at its pg_sleep."""
    with session(found) as watching:
        watching.autocommit = True
        until(lambda: watching.execute(SLEEPING).fetchall(), "it migrates")


def sleeps(found: Stack) -> bool:
    """Whether a migration is at its pg_sleep."""
    with session(found) as watching:
        return bool(watching.execute(SLEEPING).fetchall())
