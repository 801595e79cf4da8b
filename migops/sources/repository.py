"""One git repository, read with read-only commands: nothing is fetched, refreshed, or run on its behalf."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from migops.core.model import Remedy
from migops.core.process import CommandError, Completed, run
from migops.sources.git_output import Change, read_log, reason

PATHS_AT_ONCE = 500  # argument lists are limited: 1 MiB with the environment on macOS
NAMES_A_FOLDER = 10  # from this number on, the log of a folder is cheaper than that of its files
FULL_FETCH = ("fetch", "--refetch", "--no-filter")  # completes a partial clone

_WALK = ("--full-history", "-m", "--root", "--no-renames", "-O/dev/null")
_LAYOUT = ("--encoding=UTF-8", "--format=%x01%h%x00%cI%x00%p%x00%s")

# Settings of the user that would change the output of a reading command, or run a program.
_SETTINGS = {
    "log.showSignature": "false",
    "log.follow": "false",
    "log.diffMerges": "separate",
    "core.fsmonitor": "false",
    "color.ui": "false",
}
# Without optional locks git does not write the index. Objects that a partial clone lacks are not fetched: git 2.44 and
# newer obey the second variable, and older ones have no transport left.
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "", "LC_ALL": "C"}
_ALWAYS_LITERAL = ("check-ignore",)  # has no patterns, and rejects the option that disables them
# Hooks and CI jobs have variables that name another repository. Only those with settings or for git itself are kept.
_KEPT = ("GIT_CONFIG_", "GIT_EXEC_PATH")


class Unanswered(CommandError):
    """git could not answer. ``remedy`` is the step after which it can, if one is known."""

    def __init__(self, message: str, remedy: Remedy | None = None) -> None:
        super().__init__(message, hint=f"{remedy.why}: {shlex.join(remedy.command)}" if remedy else "")
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Upstream:
    """The branch that HEAD is compared with."""

    ref: str  # full name; '' if there is none
    name: str  # short name
    tracking: bool  # the checked-out branch tracks it, so that `git pull` works
    detached: bool  # no branch is checked out


def holder(path: Path) -> Path | None:
    """The nearest folder at or above ``path`` (which need not exist) with a ``.git``, symlinks resolved."""
    below = path if path.is_dir() and not path.is_symlink() else path.parent
    while not below.is_dir() and below != below.parent:
        below = below.parent
    below = below.resolve()
    return next((folder for folder in (below, *below.parents) if os.path.lexists(folder / ".git")), None)


def by_holder(paths: Sequence[Path]) -> Mapping[Path | None, Sequence[Path]]:
    """The paths by their repository; those in a submodule belong to it. Each folder is examined once."""
    by_repository: dict[Path | None, list[Path]] = {}
    known: dict[Path, Path | None] = {}
    for path in paths:
        key = path if path.is_dir() else path.parent
        if key not in known:
            known[key] = holder(path)
        by_repository.setdefault(known[key], []).append(path)
    return by_repository


class Repository:
    """Questions to the git repository whose ``.git`` is in ``folder``. Each may raise ``Unanswered``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        output = os.fsdecode(self.read("rev-parse", "--show-toplevel", "--is-shallow-repository"))
        self.top, _, shallow = output.removesuffix("\n").rpartition("\n")
        self.shallow = shallow == "true"

    def command(self, *words: str) -> tuple[str, ...]:
        """A git command that works in any folder."""
        return ("git", "-C", self.top, *words)

    def name(self, path: Path) -> str:
        """The path as in git: relative to the top level, symlinks resolved in its parents, but not in itself."""
        return os.path.relpath(path.parent.resolve() / path.name, self.top)

    def has_commits(self) -> bool:
        """True if HEAD is a commit, False in a repository without commits. Raises ``Unanswered`` for a broken HEAD."""
        if self.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").code == 0:
            return True
        refs = self.ask("for-each-ref", "--count=1")
        if refs.code or refs.stdout or refs.stderr:
            raise Unanswered(f"HEAD of the git repository {self.top} points to no commit")
        return False

    @cached_property
    def upstream(self) -> Upstream:
        """The branch that the checked-out one tracks; without one, the remote's default branch."""
        layout = "--format=%(HEAD)%00%(refname)%00%(upstream)%00%(symref)"
        output = os.fsdecode(self.read("for-each-ref", layout, "refs/heads", "refs/remotes"))
        rows = [line.split("\0") for line in output.split("\n") if line]
        leads_to = {ref: symref or ref for _, ref, _, symref in rows}
        followed = next((upstream for head, _, upstream, _ in rows if head == "*"), None)
        candidates = [followed or "", *(f"refs/remotes/origin/{name}" for name in ("HEAD", "main", "master"))]
        upstream_ref = next((leads_to[ref] for ref in candidates if ref in leads_to), "")
        name = upstream_ref.split("/", 2)[2] if upstream_ref else ""
        tracking = bool(upstream_ref) and upstream_ref == followed
        return Upstream(upstream_ref, name, tracking=tracking, detached=followed is None)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """True if ``newer`` contains ``older``, so that the update is a fast-forward."""
        done = self.ask("merge-base", "--is-ancestor", older, newer)
        if done.code not in (0, 1):
            raise self._refusal("merge-base", done)
        return done.code == 0

    def modes(self, commit: str, names: Sequence[str]) -> dict[str, str]:
        """The mode of each of ``names`` in the commit: ``100644``, …, and ``160000`` for a submodule."""
        return {os.fsdecode(name): mode.decode() for (mode, *_), name in self._listed(commit, names)}

    def changes(self, commits: Sequence[str], names: Sequence[str]) -> dict[str, list[Change]]:
        """The changes by ``commits`` (revisions or ranges) to each of ``names``, newest first.

        The full history is searched: the simplified one omits files that were added and deleted on a merged branch. A
        merge is compared with each of its parents, since it may itself drop a file.
        """
        options = (*_WALK, "--name-status", "-z", *_LAYOUT)
        changes_by_name: dict[str, list[Change]] = {}
        for some in _chunks(_searched(names)):
            for _, name, change in read_log(self.read("log", *options, *commits, "--", *some)):
                changes_by_name.setdefault(name, []).append(change)
        return {name: changes_by_name[name] for name in names if name in changes_by_name}

    def deletions(self, commits: Sequence[str], names: Sequence[str]) -> Iterator[tuple[Change, str, bytes]]:
        """Each deletion of a file at or below ``names`` by ``commits``, newest first, with its name and last digest."""
        options = (*_WALK, "--diff-filter=D", "--raw", "-z", *_LAYOUT)
        for what, name, change in read_log(self.read("log", *options, *commits, "--", *names)):
            yield change, name, what.split()[2].encode()

    def blobs(self, names: Sequence[str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Each file of HEAD at and below ``names``: its name, mode and content."""
        listed = self._listed("HEAD", names, "-r")
        files = [(mode, digest, name) for (mode, kind, digest), name in listed if kind == b"blob"]
        texts = self.contents({digest: name for _, digest, name in files})
        yield from ((os.fsdecode(name), mode, texts[digest]) for mode, digest, name in files)

    def contents(self, digests: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """The content of each object, by its digest; the values of ``digests`` are names for error messages."""
        answer = self.read("cat-file", "--batch", stdin=b"".join(digest + b"\n" for digest in digests))
        content_of: dict[bytes, bytes] = {}
        at = 0
        for digest, name in digests.items():
            end = answer.index(b"\n", at)
            if answer.endswith(b" missing", at, end):
                raise self._refusal("cat-file", Completed((), 0, b"", b"the object is missing: " + name))
            size = int(answer[at:end].split()[-1])
            content_of[digest] = answer[end + 1 : end + 1 + size]
            at = end + size + 2
        return content_of

    def read(self, *arguments: str, stdin: bytes = b"", codes: Sequence[int] = (0,)) -> bytes:
        """The output of a command. Raises ``Unanswered`` for other exit codes than ``codes``."""
        done = self.ask(*arguments, stdin=stdin)
        if done.code not in codes:
            raise self._refusal(arguments[0], done)
        return done.stdout

    def ask(self, *arguments: str, stdin: bytes = b"") -> Completed:
        """Run a reading command, with any exit code."""
        environment: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("GIT_") and not name.startswith(_KEPT)
        }
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        literally = () if arguments[0] in _ALWAYS_LITERAL else ("--literal-pathspecs",)
        command = ("git", *settings, *literally, *arguments)
        try:
            return run(command, cwd=self.folder, env={**environment, **_ENVIRONMENT}, stdin=stdin, check=False)
        except CommandError as error:
            if shutil.which("git") is None:
                raise Unanswered(f"{self.folder} is a git repository, but git is not installed here") from None
            raise Unanswered(error.message) from None

    def _listed(self, commit: str, names: Sequence[str], *options: str) -> Iterator[tuple[list[bytes], bytes]]:
        """Mode, kind and digest of each of ``names`` in the commit, and its name."""
        for some in _chunks(names):
            for row in self.read("ls-tree", "-z", "--full-tree", *options, commit, "--", *some).split(b"\0"):
                info, _, name = row.partition(b"\t")
                if name:
                    yield info.split(), name

    def _refusal(self, subcommand: str, done: Completed) -> Unanswered:
        """The error for git's refusal, with a remedy."""
        text = done.stderr.decode(errors="replace")
        message = f"`git {subcommand}` in {self.folder}: {reason(text)}"
        if "safe.directory" in text:
            trust = ("git", "config", "--global", "--add", "safe.directory", str(self.folder))
            return Unanswered(message, Remedy("another user owns the repository; if you trust it, run", trust))
        if subcommand != "rev-parse" and self._is_partial():
            message = (
                f"this clone is partial and lacks the objects that are needed; migops does not fetch ({reason(text)})"
            )
            fetch = self.command(*FULL_FETCH)
            return Unanswered(message, Remedy("fetch the missing objects, then check again", fetch))
        return Unanswered(message)

    def _is_partial(self) -> bool:
        """True for a partial clone, which may lack objects without being damaged."""
        pattern = r"^(remote\..*\.promisor|extensions\.partialclone)$"
        return self.ask("config", "--get-regexp", pattern).code == 0


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), PATHS_AT_ONCE):
        yield names[at : at + PATHS_AT_ONCE]


def _searched(names: Sequence[str]) -> Sequence[str]:
    """The paths to search the history for: ``names``, or their folders if those are much fewer.

    git compares each given path with each file of each commit, so that many paths take ten times longer.
    """
    folders = list(dict.fromkeys(name.rpartition("/")[0] for name in names))
    return folders if "" not in folders and len(names) > NAMES_A_FOLDER * len(folders) else names
