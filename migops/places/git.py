"""The git place, as far as a verdict needs it: what the repository's history says of a script the host lacks.

Only reading commands are run, and none that refreshes the index. Nothing is fetched: upstream is what the last fetch
saw.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from migops.model import Absent, Entry, EntryKind, Tree, Unknown
from migops.places.environment import Reader
from migops.process import CommandError, Completed, run


class FateKind(str, Enum):
    """What git's history says of a file that the host does not have."""

    DELETED = "deleted"  # a commit of this branch removed it
    REMOVED_HERE = "removed-here"  # HEAD has it; only the working tree does not
    UPSTREAM = "upstream"  # commits that this branch lacks bring it: the host is behind
    NEVER = "never"  # no commit that this repository knows has ever had it
    NO_GIT = "no-git"  # the folder is in no repository: the host is taken as meant
    UNKNOWN = "unknown"  # git was asked and could not say

    @property
    def rebuild_helps(self) -> bool:
        """Whether the host is what is meant, so that a build from it is a fix and takes nothing away."""
        return self in (FateKind.DELETED, FateKind.REMOVED_HERE, FateKind.NO_GIT)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a file, and the commit that decides it: abbreviated hash, date (ISO 8601), first line."""

    kind: FateKind
    commit: str = ""
    date: str = ""
    subject: str = ""
    branch: str = ""
    reason: str = ""


def fates(folder: Path, paths: Sequence[Path]) -> Mapping[Path, Fate]:
    """What git knows of each of ``paths`` (absolute, need not exist), asked from ``folder`` or its nearest parent."""
    if not paths:
        return {}
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    repository = _Repository(folder)
    whole = repository.verdict()
    return {path: whole or repository.fate(path) for path in paths}


def at_head(folder: Path) -> Reader | Absent | Unknown:
    """A reader of what HEAD has at paths of the host, asked from ``folder``; or why there is none."""
    repository = _Repository(folder)
    whole = repository.verdict()
    if whole is not None:
        return Absent(whole.reason) if whole.kind is FateKind.NO_GIT else Unknown(whole.reason)
    return repository.read


class _Repository:
    """Questions to the git repository that holds ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def verdict(self) -> Fate | None:
        """An answer that holds for every path: no repository, no git, no commits, or one that git will not read."""
        try:
            top = self._git("rev-parse", "--show-toplevel")
        except CommandError as error:
            # No git at all is the same to the user as no repository: nothing here knows the history.
            return Fate(FateKind.NO_GIT, reason=error.message)
        if top.code != 0:
            text = top.stderr.decode(errors="replace").strip()
            if "not a git repository" in text:
                return Fate(FateKind.NO_GIT, reason=f"{self.folder} is not in a git repository")
            return Fate(FateKind.UNKNOWN, reason=f"git will not read this repository: {text}")
        if self._git("rev-parse", "--verify", "--quiet", "HEAD").code != 0:
            return Fate(FateKind.NO_GIT, reason="the git repository has no commits yet")
        return None

    def fate(self, path: Path) -> Fate:
        upstream = self._upstream()
        if upstream and self._commit(f"HEAD..{upstream}", path) and self._has(upstream, path):
            return self._commit(f"HEAD..{upstream}", path, FateKind.UPSTREAM, upstream) or Fate(FateKind.UNKNOWN)
        if self._has("HEAD", path):
            return self._commit("HEAD", path, FateKind.REMOVED_HERE) or Fate(FateKind.REMOVED_HERE)
        deleted = self._commit("HEAD", path, FateKind.DELETED)
        if deleted:
            return deleted
        if self._line("rev-parse", "--is-shallow-repository") == "true":
            return Fate(FateKind.UNKNOWN, reason="this clone is shallow: `git fetch --unshallow` brings the history")
        return Fate(FateKind.NEVER, reason="no commit of this branch or its upstream has ever had this file")

    def read(self, paths: Sequence[str]) -> Tree:
        """The files that HEAD has at and below the absolute ``paths``: two commands, however many there are."""
        top = self._line("rev-parse", "--show-toplevel")
        asked = {os.path.relpath(_real(path), top): path for path in paths}
        inside = [path for path in asked if not path.startswith("..")]
        if not inside:
            return {}
        listed = self._git("ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", *inside).stdout
        blobs = [row.partition(b"\t") for row in listed.split(b"\0") if b" blob " in row]
        ids = b"".join(info.split()[2] + b"\n" for info, _, _ in blobs)
        contents = _batch(self._git("cat-file", "--batch", stdin=ids).stdout)
        tree: dict[str, Entry] = {}
        for (info, _, raw), content in zip(blobs, contents, strict=True):
            name = os.fsdecode(raw)
            over = next(path for path in inside if path == "." or name == path or name.startswith(f"{path}/"))
            path = asked[over] + (f"/{name}" if over == "." else name[len(over) :])
            tree[path] = _entry(path, info.split()[0], content)
        return tree

    def _upstream(self) -> str:
        """The branch that this one follows; without one, the remote's default branch; else ''."""
        for name in ("@{upstream}", "origin/HEAD", "origin/main", "origin/master"):
            found = self._line("rev-parse", "--abbrev-ref", "--verify", "--quiet", name)
            if found and found != name:
                return found
            if found:
                return name
        return ""

    def _has(self, commit: str, path: Path) -> bool:
        return bool(self._line("ls-tree", "--name-only", commit, "--", str(path)))

    def _commit(self, commits: str, path: Path, kind: FateKind = FateKind.UNKNOWN, branch: str = "") -> Fate | None:
        """The newest of ``commits`` that touches ``path``, or None."""
        line = self._line("log", "-1", "--format=%h%x00%cI%x00%s", commits, "--", str(path))
        if not line:
            return None
        commit, date, subject = line.split("\0", 2)
        return Fate(kind, commit, date, subject, branch)

    def _line(self, *arguments: str) -> str:
        return self._git(*arguments).stdout.decode(errors="replace").strip()

    def _git(self, *arguments: str, stdin: bytes = b"") -> Completed:
        # Without optional locks git leaves the index alone: reading must change nothing.
        environment = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        command = ("git", "--literal-pathspecs", *arguments)
        return run(command, cwd=self.folder, env=environment, stdin=stdin, check=False)


def _real(path: str) -> str:
    """The path as git has it: the folders above it without symlinks, itself as it is."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))  # noqa: PTH118, PTH120, PTH119


def _batch(answer: bytes) -> Iterator[bytes]:
    """The contents in what ``git cat-file --batch`` says: a line that ends in the size, the bytes, a line end."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[-1])
        yield answer[end + 1 : end + 1 + size]
        at = end + size + 2


def _entry(path: str, mode: bytes, content: bytes) -> Entry:
    if mode == b"120000":
        return Entry(path, EntryKind.SYMLINK, len(content), target=os.fsdecode(content))
    digest = hashlib.sha256(content).hexdigest()
    return Entry(path, EntryKind.FILE, len(content), int(mode, 8) & 0o777, sha256=digest, content=content)
