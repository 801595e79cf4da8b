"""Kills deploys at random moments, lets the next run go on, and counts what was lost or done twice.

    python -m tests.chaos [--kills N] [--seed N] [--minutes N]

Ends with 1 where a row was lost, a migration was applied twice or not at all, or the application stayed down.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.killing import VICTIMS, begin, kill
from tests.chaos.project import Project, start, writing
from tests.engine import engine
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import end

TRIES = 8  # runs that may be needed until a killed deploy has come to its end
_AGAIN = 0.05  # seconds until a process that was not there yet is looked for again
_REPEAT = re.compile(r"--repeat (c\d{11})")


@dataclass
class Figures:
    """What was seen so far. ``wrong`` are sentences on what must never be."""

    killed: Counter[str] = field(default_factory=Counter)
    at: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    next_codes: Counter[int] = field(default_factory=Counter)
    repeated: int = 0
    seconds: float = 0.0  # that a deploy takes which nobody kills
    wrong: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    chance, figures = random.Random(asked.seed), Figures()
    until = time.monotonic() + asked.minutes * 60
    with tempfile.TemporaryDirectory(prefix="migops-chaos-") as folder:
        name = f"chaos{random.SystemRandom().randrange(10**6)}"
        box = Sandbox(engine.up(), name, Path(folder) / name)
        box.path.mkdir()
        try:
            project = start(box)
            with writing(project.url) as acknowledged:
                figures.seconds = undisturbed(project, chance)
                while sum(figures.killed.values()) < asked.kills and time.monotonic() < until and not figures.wrong:
                    one_round(project, chance, figures)
            _orders(project, acknowledged, figures)
        finally:
            box.compose("down", "-v", "-t", "0", cwd=box.path / "clean", check=False)
            box.clean()
    report(asked.seed, figures, len(acknowledged))
    return 1 if figures.wrong else 0


def undisturbed(project: Project, chance: random.Random) -> float:
    """Seconds that a deploy takes on this machine, so that the kills fall all over it."""
    project.add(chance)
    began = time.monotonic()
    running = begin(project.stack)
    out, _ = running.communicate(timeout=300)
    if running.returncode:
        raise RuntimeError(f"even a deploy that nobody disturbs ends with {running.returncode}:\n{out}")
    return time.monotonic() - began


def one_round(project: Project, chance: random.Random, figures: Figures) -> None:
    """One migration more: its deploy is killed, and then it is deployed."""
    revision = project.add(chance)
    victim, moment = chance.choice(VICTIMS), chance.uniform(0.1, figures.seconds)
    running = begin(project.stack)
    time.sleep(moment)
    while running.poll() is None:
        if kill(project.stack, running, victim):
            figures.killed[victim] += 1
            figures.at[_at(project)] += 1
            break
        time.sleep(_AGAIN)
    out, _ = running.communicate(timeout=300)
    figures.codes[running.returncode] += 1
    code = running.returncode
    for _ in range(TRIES):
        if code == 0:
            break
        code, out = _again(project, revision, out, figures)
    else:
        figures.wrong.append(f"{revision}: not deployed after {TRIES} runs, the last ended with {code}:\n{out}")
    _check(project, revision, figures)


def _again(project: Project, revision: str, out: str, figures: Figures) -> tuple[int, str]:
    """The next run, as its user would type it after looking at what the one before has said."""
    words: tuple[str, ...] = ()
    if (asked := _REPEAT.search(out)) is not None:
        # What stayed of it is taken away by hand, as the message wants it, and then the revision may be repeated.
        project.stack.query(f"delete from applied where r = '{asked.group(1)}'")
        words = ("--repeat", asked.group(1))
        figures.repeated += 1
    elif "still" in out:
        time.sleep(1)  # what a killed run has left at work comes to its end
    done = begin(project.stack, *words)
    out, _ = done.communicate(timeout=300)
    figures.next_codes[done.returncode] += 1
    return done.returncode, out


def _at(project: Project) -> str:
    """The step at which the run that was just killed is, by its journal."""
    last = end(project.stack)
    return str(last.get("step") or "its beginning") if "step" in last else "its beginning"


def _check(project: Project, revision: str, figures: Figures) -> None:
    """Hold what is there against what must be."""
    applied, found = project.applied(), project.stack
    twice = [each for each, times in Counter(applied).items() if times > 1]
    lacking = sorted(set(project.revisions) - set(applied))
    figures.wrong += [f"{each} was applied more than once" for each in twice]
    figures.wrong += [f"{each} is not in the database" for each in lacking]
    if found.rows() != [revision]:
        figures.wrong.append(f"the version table has {found.rows()}, not {revision}")
    if found.running() != [found.image()]:
        figures.wrong.append(f"the application runs {found.running()}, and its image's name means {found.image()}")
    names = found.box.docker("ps", "-a", "--format", "{{.Names}}").split()
    figures.wrong += [f"{each} was left behind" for each in names if each.startswith(f"migops-{found.box.name}")]


def _orders(project: Project, acknowledged: list[int], figures: Figures) -> None:
    """What the application was told to be written must be there."""
    there = set(map(int, project.stack.query("select n from orders").split()))
    if lost := sorted(set(acknowledged) - there):
        figures.wrong.append(f"{len(lost)} of {len(acknowledged)} acknowledged orders are lost, the first is {lost[0]}")


def report(seed: int, figures: Figures, orders: int) -> None:
    """The figures, for the docs."""
    print(f"{sum(figures.killed.values())} kills (seed {seed}): {_shown(figures.killed)}")
    print(f"at the steps: {_shown(figures.at)}")
    print(
        f"exit codes of the killed runs: {_shown(figures.codes)}; of the runs after them: {_shown(figures.next_codes)}"
    )
    print(f"revisions repeated after a look: {figures.repeated}; orders that the application wrote meanwhile: {orders}")
    for each in figures.wrong or ("nothing was lost, nothing was applied twice",):
        print(each)


def _shown(counted: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{key} {number}" for key, number in counted.most_common())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
