"""Timing whole commands as processes, in turns, so that a drifting machine is unfair to both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """What to run, and where. ``expect`` is the exit code that makes a run count.

    ``before`` is run each time before it, and is not measured.
    """

    argv: Sequence[str]
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    expect: int = 0
    before: Sequence[str] = ()


@dataclass(frozen=True)
class Timing:
    """Wall seconds and peak memory (MiB) of each run."""

    seconds: tuple[float, ...]
    memory: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Row:
    """One line of the table: ours beside theirs, and the promised limit on the ratio (or on ours, in ``unit``)."""

    name: str
    ours: float
    theirs: float | None
    limit: float
    unit: str = "s"

    @property
    def value(self) -> float:
        return self.ours if self.theirs is None else self.ours / self.theirs

    def text(self) -> str:
        theirs = f"{self.theirs:9.3f} {self.unit}" if self.theirs is not None else " " * 11
        kind = "x" if self.theirs is not None else f" {self.unit}"
        word = "ok" if self.value <= self.limit else "MISSED"
        ratio = f"{self.value:7.2f}{kind} of {self.limit:g}{kind}"
        return f"{self.name:<58} {self.ours:9.3f} {self.unit} {theirs}  {ratio}  {word}"


def run(command: Command) -> tuple[float, float]:
    """Run once; wall seconds and peak memory in MiB of the process."""
    if command.before:
        subprocess.run(command.before, cwd=command.cwd, env=command.env, check=True, capture_output=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        command.argv, cwd=command.cwd, env=command.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != command.expect:
        raise RuntimeError(f"{' '.join(command.argv)} ended with {process.returncode}, not {command.expect}")
    return seconds, usage.ru_maxrss / 1024


def in_turns(*commands: Command, runs: int = 7) -> list[Timing]:
    """Run the commands in turns, one round to warm up and ``runs`` that count."""
    rounds = [[run(command) for command in commands] for _ in range(runs + 1)][1:]
    return [
        Timing(tuple(turn[i][0] for turn in rounds), tuple(turn[i][1] for turn in rounds)) for i in range(len(commands))
    ]
