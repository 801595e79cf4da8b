"""Git's view of migrations that differ from HEAD: staged, ignored (and by which line), present upstream.

Upstream is as of the last fetch: nothing is fetched here.
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
    """The line of an ignore file that hides a script from git."""

    at: Location
    pattern: str


@dataclass(frozen=True, slots=True)
class Worktree:
    """The scripts of one repository in which the working tree differs from HEAD."""

    top: str
    names: Mapping[str, str] = field(default_factory=dict)  # script → its name in git, relative to ``top``
    staged: frozenset[str] = frozenset()  # in the index
    sparse: frozenset[str] = frozenset()  # omitted by a sparse checkout
    ignored: Mapping[str, Ignored] = field(default_factory=dict)
    upstream: str = ""  # the branch that HEAD is compared with; '' if there is none
    coming: tuple[str, ...] | Unknown = ()  # scripts that ``upstream`` adds or changes since the merge base
    catch_up: Remedy | None = None  # the step that brings them to the host

    def command(self, *words: str, scripts: Sequence[str] = ()) -> tuple[str, ...]:
        """A git command for these scripts that works in any folder."""
        return ("git", "-C", self.top, *words, *(("--", *(self.names[each] for each in scripts)) if scripts else ()))


def worktrees(scripts: Mapping[str, Path], folders: Sequence[Path]) -> tuple[Worktree, ...] | Unknown:
    """Ask each repository that contains any of ``scripts`` (those that differ from HEAD) or versions ``folders``."""
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
    """Those of ``names`` that an ignore file hides from git, with its line."""
    if not names:
        return {}
    given = b"".join(b"./" + os.fsencode(name) + b"\0" for name in names)  # "./": a leading colon would be magic
    output = repository.read("check-ignore", "-v", "-z", "--stdin", stdin=given, codes=(0, 1))
    words = [os.fsdecode(word) for word in output.split(b"\0")]
    ignored = {}
    for source, line, pattern, name in zip(words[0::4], words[1::4], words[2::4], words[3::4], strict=False):
        if not pattern.startswith("!"):
            at = Location(os.path.join(repository.top, source), int(line))  # noqa: PTH118
            ignored[name.removeprefix("./")] = Ignored(at, pattern)
    return ignored


def _coming(repository: Repository, ref: str, folders: Sequence[str]) -> tuple[str, ...] | Unknown:
    """The file names of scripts below ``folders`` that ``ref`` adds or changes since its merge base with HEAD."""
    if not folders:
        return ()
    options = ("--raw", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=AM")
    try:
        output = repository.read("diff", *options, f"HEAD...{ref}", "--", *folders)
    except Unanswered as error:
        if NO_MERGE_BASE in error.message and repository.shallow:
            return Unknown(f"this clone is shallow, so migops cannot compare HEAD with {ref}")
        if NO_MERGE_BASE in error.message:
            return ()  # unrelated histories: neither is behind the other
        raise
    names = [os.fsdecode(name) for name in output.split(b"\0")[1::2]]
    return tuple(sorted(name for name in names if name.endswith(".py") and not name.endswith("__init__.py")))
