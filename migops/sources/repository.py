"""One git repository, asked with commands that only read: nothing is fetched, refreshed, or run on its behalf."""

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

PATHS_AT_ONCE = 500  # argument lists have a limit: 1 MiB with the environment on macOS
NAMES_A_FOLDER = 10  # from here on the log of a folder is cheaper than that of its files
FULL_FETCH = ("fetch", "--refetch", "--no-filter")  # makes a partial clone whole

_WALK = ("--full-history", "-m", "--root", "--no-renames", "-O/dev/null")
_LAYOUT = ("--encoding=UTF-8", "--format=%x01%h%x00%cI%x00%p%x00%s")

# Settings of the user that would change what a reading command prints, or run a program.
_SETTINGS = {
    "log.showSignature": "false",
    "log.follow": "false",
    "log.diffMerges": "separate",
    "core.fsmonitor": "false",
    "color.ui": "false",
}
# Without optional locks git leaves the index alone. What a partial clone lacks is not fetched: git 2.44 and newer go by
# the second variable, and for older ones no way of fetching is left.
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "", "LC_ALL": "C"}
_ALWAYS_LITERAL = ("check-ignore",)  # it knows no patterns, and refuses the option that forbids them
# A hook or a CI job runs with variables that name another repository. Only what holds settings or git itself is kept.
_KEPT = ("GIT_CONFIG_", "GIT_EXEC_PATH")


class Unanswered(CommandError):
    """git could not answer. ``remedy`` is the step after which it can, where one is known."""

    def __init__(self, message: str, remedy: Remedy | None = None) -> None:
        super().__init__(message, hint=f"{remedy.why}: {shlex.join(remedy.command)}" if remedy else "")
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Upstream:
    """The branch that HEAD is to be compared with: full name of the ref ('' for none), and as people write it.

    ``tracking``: the checked-out branch follows it, so that `git pull` knows what to do. ``detached``: no branch is
    checked out.
    """

    ref: str
    name: str
    tracking: bool
    detached: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to a path: git's status letter (A, M, D, T), abbreviated hash, date (ISO 8601), first line."""

    status: str
    commit: str
    date: str
    subject: str
    merge: bool


def holder(path: Path) -> Path | None:
    """The nearest folder at or above ``path`` (which need not exist) that has a ``.git``, symlinks resolved."""
    below = path if path.is_dir() and not path.is_symlink() else path.parent
    while not below.is_dir() and below != below.parent:
        below = below.parent
    below = below.resolve()
    return next((folder for folder in (below, *below.parents) if os.path.lexists(folder / ".git")), None)


def by_holder(paths: Sequence[Path]) -> Mapping[Path | None, Sequence[Path]]:
    """The paths by the repository that each lies in: a submodule's are its own. Folders are looked at once."""
    found: dict[Path | None, list[Path]] = {}
    known: dict[Path, Path | None] = {}
    for path in paths:
        key = path if path.is_dir() else path.parent
        if key not in known:
            known[key] = holder(path)
        found.setdefault(known[key], []).append(path)
    return found


class Repository:
    """Questions to the git repository whose ``.git`` lies in ``folder``. Each may raise ``Unanswered``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        said = os.fsdecode(self.read("rev-parse", "--show-toplevel", "--is-shallow-repository"))
        self.top, _, shallow = said.removesuffix("\n").rpartition("\n")
        self.shallow = shallow == "true"

    def command(self, *words: str) -> tuple[str, ...]:
        """A git command that can be typed anywhere."""
        return ("git", "-C", self.top, *words)

    def name(self, path: Path) -> str:
        """The path as git has it: below the top level, the folders above it without symlinks, itself as it is."""
        return os.path.relpath(path.parent.resolve() / path.name, self.top)

    def has_commits(self) -> bool:
        """Whether HEAD is a commit. False only in a repository without any; a HEAD that leads nowhere is no answer."""
        if self.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").code == 0:
            return True
        refs = self.ask("for-each-ref", "--count=1")
        if refs.code or refs.stdout or refs.stderr:
            raise Unanswered(f"HEAD of the git repository {self.top} points to no commit")
        return False

    @cached_property
    def upstream(self) -> Upstream:
        """The branch that the checked-out one follows; without one, the remote's default branch."""
        layout = "--format=%(HEAD)%00%(refname)%00%(upstream)%00%(symref)"
        said = os.fsdecode(self.read("for-each-ref", layout, "refs/heads", "refs/remotes"))
        rows = [line.split("\0") for line in said.split("\n") if line]
        leads_to = {ref: symref or ref for _, ref, _, symref in rows}
        followed = next((upstream for head, _, upstream, _ in rows if head == "*"), None)
        candidates = [followed or "", *(f"refs/remotes/origin/{name}" for name in ("HEAD", "main", "master"))]
        found = next((leads_to[ref] for ref in candidates if ref in leads_to), "")
        name = found.split("/", 2)[2] if found else ""
        return Upstream(found, name, tracking=bool(found) and found == followed, detached=followed is None)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether ``newer`` has all that ``older`` has, so that moving on to it is a fast-forward."""
        done = self.ask("merge-base", "--is-ancestor", older, newer)
        if done.code not in (0, 1):
            raise self._refusal("merge-base", done)
        return done.code == 0

    def modes(self, commit: str, names: Sequence[str]) -> dict[str, str]:
        """The mode of each of ``names`` that the commit has: ``100644``, …, and ``160000`` for a submodule."""
        return {os.fsdecode(name): mode.decode() for (mode, *_), name in self._listed(commit, names)}

    def changes(self, commits: Sequence[str], names: Sequence[str]) -> dict[str, list[Change]]:
        """What ``commits`` (revisions or ranges) did to each of ``names``, newest first.

        The full history is walked: what was added and deleted on a branch that was merged is in no simplified one. A
        merge is compared with each of its parents, since it may itself drop a file.
        """
        options = (*_WALK, "--name-status", "-z", *_LAYOUT)
        found: dict[str, list[Change]] = {}
        for some in _chunks(_searched(names)):
            for _, name, change in _log(self.read("log", *options, *commits, "--", *some)):
                found.setdefault(name, []).append(change)
        return {name: found[name] for name in names if name in found}

    def deletions(self, commits: Sequence[str], names: Sequence[str]) -> Iterator[tuple[Change, str, bytes]]:
        """Each deletion of a file at or below ``names`` by ``commits``, newest first: its name, its last digest."""
        options = (*_WALK, "--diff-filter=D", "--raw", "-z", *_LAYOUT)
        for what, name, change in _log(self.read("log", *options, *commits, "--", *names)):
            yield change, name, what.split()[2].encode()

    def blobs(self, names: Sequence[str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Each file that HEAD has at and below ``names``: its name, its mode, its content."""
        listed = self._listed("HEAD", names, "-r")
        files = [(mode, digest, name) for (mode, kind, digest), name in listed if kind == b"blob"]
        texts = self.contents({digest: name for _, digest, name in files})
        yield from ((os.fsdecode(name), mode, texts[digest]) for mode, digest, name in files)

    def contents(self, digests: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """The content of each object, by its digest; each is given with the name that a complaint would use."""
        answer = self.read("cat-file", "--batch", stdin=b"".join(digest + b"\n" for digest in digests))
        found: dict[bytes, bytes] = {}
        at = 0
        for digest, name in digests.items():
            end = answer.index(b"\n", at)
            if answer.endswith(b" missing", at, end):
                raise self._refusal("cat-file", Completed((), 0, b"", b"the object is missing: " + name))
            size = int(answer[at:end].split()[-1])
            found[digest] = answer[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def read(self, *arguments: str, stdin: bytes = b"", codes: Sequence[int] = (0,)) -> bytes:
        """What the command says, where only these exit codes are an answer."""
        done = self.ask(*arguments, stdin=stdin)
        if done.code not in codes:
            raise self._refusal(arguments[0], done)
        return done.stdout

    def ask(self, *arguments: str, stdin: bytes = b"") -> Completed:
        """Run a reading command, whatever code it ends with."""
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
        """Mode, kind and digest of each of ``names`` that the commit has, and its name."""
        for some in _chunks(names):
            for row in self.read("ls-tree", "-z", "--full-tree", *options, commit, "--", *some).split(b"\0"):
                info, _, name = row.partition(b"\t")
                if name:
                    yield info.split(), name

    def _refusal(self, subcommand: str, done: Completed) -> Unanswered:
        """Why git refused, and what to do about it."""
        text = done.stderr.decode(errors="replace")
        message = f"`git {subcommand}` in {self.folder}: {_reason(text)}"
        if "safe.directory" in text:
            trust = ("git", "config", "--global", "--add", "safe.directory", str(self.folder))
            return Unanswered(message, Remedy("another user owns the repository; if you trust it, run", trust))
        if subcommand != "rev-parse" and self._is_partial():
            message = (
                f"this clone is partial and lacks the objects that are needed; migops does not fetch ({_reason(text)})"
            )
            fetch = self.command(*FULL_FETCH)
            return Unanswered(message, Remedy("fetch the missing objects, then check again", fetch))
        return Unanswered(message)

    def _is_partial(self) -> bool:
        """Whether the clone was made with a filter, so that git may lack objects and nothing is wrong."""
        pattern = r"^(remote\..*\.promisor|extensions\.partialclone)$"
        return self.ask("config", "--get-regexp", pattern).code == 0


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), PATHS_AT_ONCE):
        yield names[at : at + PATHS_AT_ONCE]


def _searched(names: Sequence[str]) -> Sequence[str]:
    """What to look for in the history: ``names``, or the folders that they lie in where those are much fewer.

    git compares each path that it is given with each file of each commit, so that many paths cost ten times more.
    """
    folders = list(dict.fromkeys(name.rpartition("/")[0] for name in names))
    return folders if "" not in folders and len(names) > NAMES_A_FOLDER * len(folders) else names


def _log(said: bytes) -> Iterator[tuple[str, str, Change]]:
    """What ``git log -z`` says of each file of each commit: a line of ``--name-status`` or ``--raw``, name, change."""
    tokens = iter(said.split(b"\0"))
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


def _reason(stderr: str) -> str:
    """The line that says why a git command failed, on one line and without its marker."""
    lines = [" ".join(line.split()) for line in stderr.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith("fatal: ")), lines[0] if lines else "no reason given")
    return first.removeprefix("fatal: ")
