"""Parsing of git's output: the log of changes, the reason of an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A commit's change of a path: git's status letter (A, M, D, T), abbreviated hash, date (ISO 8601), first line."""

    status: str
    commit: str
    date: str
    subject: str
    merge: bool


def read_log(output: bytes) -> Iterator[tuple[str, str, Change]]:
    """Each file of each commit in the output of ``git log -z``: ``--name-status`` or ``--raw`` line, name, change."""
    tokens = iter(output.split(b"\0"))
    commit = date = subject = ""
    merge = False
    for token in tokens:
        word = os.fsdecode(token.removeprefix(b"\n"))
        if word.startswith("\1"):
            commit, date = word[1:], next(tokens).decode()
            merge = b" " in next(tokens)
            subject = next(tokens).decode(errors="replace")
        elif word:
            yield word, os.fsdecode(next(tokens)), Change(word.split()[-1], commit, date, subject, merge)


def reason(stderr: str) -> str:
    """The line with the reason why a git command failed, without its marker."""
    lines = [" ".join(line.split()) for line in stderr.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith("fatal: ")), lines[0] if lines else "no reason given")
    return first.removeprefix("fatal: ")
