"""What git says of the migrations beside HEAD: what is staged, what is ignored and by which line, what upstream has.

Upstream is what the last fetch saw: nothing is fetched here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.model import Location, Remedy, Unknown
from migops.sources.git import LEFT_OUT, catch_up, indexed
from migops.sources.repository import Repository, Unanswered, by_holder

NO_MERGE_BASE = "no merge base"


@dataclass(frozen=True, slots=True)
class Ignored:
    """The line of an ignore file that keeps git from seeing a script."""

    at: Location
    pattern: str


@dataclass(frozen=True, slots=True)
class Worktree:
    """What one repository says of the scripts in which the working tree differs from HEAD.

    ``names`` are these scripts, by their own name the one that git has for them: below ``top``. ``staged`` are those
    that are in the index, ``sparse`` those that a sparse checkout leaves out. ``upstream`` is the branch that HEAD is
    held against ('' for none), ``coming`` the script files that it brings or changes since they parted, ``catch_up``
    how the host gets them.
    """

    top: str
    names: Mapping[str, str] = field(default_factory=dict)
    staged: frozenset[str] = frozenset()
    sparse: frozenset[str] = frozenset()
    ignored: Mapping[str, Ignored] = field(default_factory=dict)
    upstream: str = ""
    coming: tuple[str, ...] | Unknown = ()
    catch_up: Remedy | None = None

    def command(self, *words: str, scripts: Sequence[str] = ()) -> tuple[str, ...]:
        """A git command about these scripts, that can be typed anywhere."""
        return ("git", "-C", self.top, *words, *(("--", *(self.names[each] for each in scripts)) if scripts else ()))


def worktrees(scripts: Mapping[str, Path], folders: Sequence[Path]) -> tuple[Worktree, ...] | Unknown:
    """Ask each repository that holds any of ``scripts`` (those that differ from HEAD) or versions ``folders``."""
    paths = {path: name for name, path in scripts.items()}
    held = by_holder([*paths, *folders])
    try:
        return tuple(
            _asked(Repository(top), {paths[path]: path for path in some if path in paths},
                   [folder for folder in folders if folder in some])
            for top, some in held.items() if top is not None
        )  # fmt: skip
    except Unanswered as error:
        return Unknown(error.message, error.hint)


def _asked(repository: Repository, scripts: Mapping[str, Path], folders: Sequence[Path]) -> Worktree:
    names = {script: repository.name(path) for script, path in scripts.items()}
    scripts_of = {name: script for script, name in names.items()}
    tags = indexed(repository, list(scripts_of))
    upstream = repository.upstream
    coming = _coming(repository, upstream.ref, [repository.name(folder) for folder in folders]) if upstream.ref else ()
    return Worktree(
        top=repository.top,
        names=names,
        staged=frozenset(scripts_of[name] for name in tags),
        sparse=frozenset(scripts_of[name] for name, tag in tags.items() if tag == LEFT_OUT),
        ignored={
            scripts_of[name]: line
            for name, line in _ignored(repository, [name for name in scripts_of if name not in tags]).items()
        },
        upstream=upstream.name,
        coming=coming,
        catch_up=catch_up(repository) if coming and not isinstance(coming, Unknown) else None,
    )


def _ignored(repository: Repository, names: Sequence[str]) -> dict[str, Ignored]:
    """Those of ``names`` that an ignore file hides from git, and the line that does."""
    if not names:
        return {}
    given = b"".join(b"./" + os.fsencode(name) + b"\0" for name in names)  # so that a leading colon is no magic
    said = repository.read("check-ignore", "-v", "-z", "--stdin", stdin=given, codes=(0, 1))
    words = [os.fsdecode(word) for word in said.split(b"\0")]
    found = {}
    for source, line, pattern, name in zip(words[0::4], words[1::4], words[2::4], words[3::4], strict=False):
        if not pattern.startswith("!"):
            found[name.removeprefix("./")] = Ignored(Location(os.path.join(repository.top, source), int(line)), pattern)  # noqa: PTH118
    return found


def _coming(repository: Repository, ref: str, folders: Sequence[str]) -> tuple[str, ...] | Unknown:
    """The scripts below ``folders`` that ``ref`` brings or changes since it parted from HEAD, by their file names."""
    if not folders:
        return ()
    options = ("--raw", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=AM")
    try:
        said = repository.read("diff", *options, f"HEAD...{ref}", "--", *folders)
    except Unanswered as error:
        if NO_MERGE_BASE in error.message and repository.shallow:
            return Unknown(f"this clone is shallow, so migops cannot compare HEAD with {ref}")
        if NO_MERGE_BASE in error.message:
            return ()  # histories that have nothing in common: neither is behind the other
        raise
    names = [os.fsdecode(name) for name in said.split(b"\0")[1::2]]
    return tuple(sorted(name for name in names if name.endswith(".py") and not name.endswith("__init__.py")))
