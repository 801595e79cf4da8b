"""The git source: the repository's history of a script that the host lacks.

Upstream is as of the last fetch: nothing is fetched here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from migops.core.model import Absent, Entry, EntryKind, Remedy, Tree, Unknown
from migops.sources.git_output import Change
from migops.sources.git_status import GitRecord, GitStatus
from migops.sources.home import Reader
from migops.sources.repository import Repository, Unanswered, by_holder, holder

LEFT_OUT = "S"  # git's tag for a file of the index that a sparse checkout omits
SUBMODULE = "160000"  # git's mode for a submodule's folder


def git_records(paths: Sequence[Path]) -> Mapping[Path, GitRecord]:
    """The git record of each of ``paths`` (absolute, need not exist), from the repository that contains it."""
    records: dict[Path, GitRecord] = {}
    for folder, some in by_holder(paths).items():
        if folder is None:
            records |= {
                path: GitRecord(GitStatus.NO_GIT, reason=f"{path.parent} is not in a git repository") for path in some
            }
            continue
        try:
            records |= _asked(Repository(folder), some)
        except Unanswered as error:
            records |= dict.fromkeys(some, GitRecord(GitStatus.UNKNOWN, reason=error.message, remedy=error.remedy))
    return records


def at_head(folder: Path, elsewhere: Callable[[str], Path | None] = lambda path: None) -> Reader | Absent | Unknown:
    """A reader of HEAD's files at paths of the host, or the reason why ``folder``'s repository has none.

    Paths in a submodule are read at its own HEAD. ``elsewhere`` maps a path that does not exist on this machine, as for
    ``HostReader``. The reader raises ``Unanswered`` if git cannot answer.
    """
    top = holder(folder)
    if top is None:
        return Absent(f"{folder} is not in a git repository")
    try:
        if not Repository(top).has_commits():
            return Absent("the git repository has no commits yet")
    except Unanswered as error:
        return Unknown(error.message, error.hint)

    def read(paths: Sequence[str]) -> Tree:
        entries: dict[str, Entry] = {}
        there = {path: path if os.path.lexists(path) else str(elsewhere(path) or path) for path in paths}
        for path, entry in _read(list(there.values())).items():
            asked = next((each for each, real in there.items() if path == real or path.startswith(f"{real}/")), path)
            entries[asked + path[len(there.get(asked, path)) :]] = entry
        return entries

    return read


def _asked(repository: Repository, paths: Sequence[Path]) -> dict[Path, GitRecord]:
    """The records of paths of one repository, with a few commands for any number of paths."""
    if not repository.has_commits():
        return dict.fromkeys(paths, GitRecord(GitStatus.NO_GIT, reason="the git repository has no commits yet"))
    names = {repository.name(path): path for path in paths}
    upstream = repository.upstream
    at_head = repository.modes("HEAD", [*names, *_folders(names)])
    above = repository.modes(upstream.ref, list(names)) if upstream.ref else {}
    coming = [name for name in names if name in above and name not in at_head]
    brought = repository.changes([f"HEAD..{upstream.ref}"], coming) if coming else {}
    brought = {name: changes for name in coming if (changes := brought.get(name))}
    rest = [name for name in names if name not in brought]
    past = repository.changes(["HEAD", *([upstream.ref] if upstream.ref else [])], rest)
    tags = indexed(repository, [name for name in rest if name in at_head])
    records = {name: _past(repository, name, past.get(name, []), at_head, tags.get(name, "")) for name in rest}
    if brought:
        remedy = catch_up(repository)
        for name, changes in brought.items():
            record = _decided(GitStatus.UPSTREAM, [change for change in changes if change.status != "D"])
            records[name] = replace(record, branch=upstream.name, remedy=remedy)
    return {path: records[name] for name, path in names.items()}


def indexed(repository: Repository, names: Sequence[str]) -> dict[str, str]:
    """Those of ``names`` that are in the index, with git's tag: ``LEFT_OUT`` if a sparse checkout omits the file."""
    if not names:
        return {}
    rows = repository.read("ls-files", "-t", "-z", "--", *names).split(b"\0")
    return {os.fsdecode(row[2:]): chr(row[0]) for row in rows if row}


def _past(
    repository: Repository, name: str, changes: Sequence[Change], at_head: Mapping[str, str], tag: str
) -> GitRecord:
    """The record of a file that no newer commit adds. ``at_head`` has the modes of HEAD's files, ``tag`` is the
    index's."""
    if tag == LEFT_OUT:
        folder = str(PurePosixPath(name).parent)
        return GitRecord(
            GitStatus.UNKNOWN,
            reason="this is a sparse checkout without it",
            remedy=Remedy("check out its folder", repository.command("sparse-checkout", "add", folder)),
        )
    if name in at_head:
        # This also undoes a staged deletion.
        restore = ("restore", "--source=HEAD", "--staged", "--worktree", "--", name)
        remedy = Remedy("restore it", repository.command(*_literally(name), *restore))
        return replace(_decided(GitStatus.REMOVED_HERE, changes), remedy=remedy)
    deletions = [change for change in changes if change.status == "D"]
    if deletions:
        return _decided(GitStatus.DELETED, deletions)
    submodule = next((folder for folder in _folders([name]) if at_head.get(folder) == SUBMODULE), "")
    if submodule:
        checkout = repository.command("submodule", "update", "--init", "--", submodule)
        return GitRecord(
            GitStatus.UNKNOWN,
            reason=f"it belongs in the submodule {submodule}, which is not checked out",
            remedy=Remedy("check out the submodule, then check again", checkout),
        )
    if repository.shallow:
        return GitRecord(
            GitStatus.UNKNOWN,
            reason="this clone is shallow, so git does not have the whole history",
            remedy=Remedy("fetch the whole history, then check again", repository.command("fetch", "--unshallow")),
        )
    return GitRecord(GitStatus.NEVER, reason="no commit of this branch or its upstream has ever had the file")


def _decided(kind: GitStatus, changes: Sequence[Change]) -> GitRecord:
    """The record from the newest change. A merge counts only if no other commit made the change."""
    newest = next((change for change in changes if not change.merge), changes[0] if changes else None)
    return GitRecord(kind, newest.commit, newest.date, newest.subject) if newest else GitRecord(kind)


def catch_up(repository: Repository) -> Remedy:
    """The step that brings upstream's commits to the host; with a command only if that is certain to succeed."""
    upstream = repository.upstream
    if upstream.detached:
        return Remedy(f"no branch is checked out in {repository.top}: check out a commit that has it")
    if not repository.is_ancestor("HEAD", upstream.ref):
        return Remedy(f"the branch in {repository.top} has commits that {upstream.name} lacks: merge or rebase it")
    words = ("pull", "--ff-only") if upstream.tracking else ("merge", "--ff-only", upstream.name)
    return Remedy(f"update the host to {upstream.name}", repository.command(*words))


def _folders(names: Sequence[str] | Mapping[str, object]) -> list[str]:
    """All folders above ``names``, except the top level."""
    return list({str(folder): None for name in names for folder in PurePosixPath(name).parents if folder.parts})


def _literally(name: str) -> tuple[str, ...]:
    """The option that prevents git from reading a name as a pattern, if it could."""
    return ("--literal-pathspecs",) if name.startswith(":") or set(name) & set("*?[\\") else ()


def _read(paths: Sequence[str]) -> Tree:
    """HEAD's files at and below the absolute ``paths``."""
    tree: dict[str, Entry] = {}
    for folder, some in by_holder([Path(path) for path in paths]).items():
        if folder is not None:
            tree |= {entry.path: entry for entry in _entries(Repository(folder), some)}
    return tree


def _entries(repository: Repository, paths: Sequence[Path]) -> Iterator[Entry]:
    asked = {repository.name(path): str(path) for path in paths}
    for name, mode, content in repository.blobs(list(asked)):
        over = next(path for path in asked if path == "." or name == path or name.startswith(f"{path}/"))
        path = asked[over] + (f"/{name}" if over == "." else name[len(over) :])
        if mode == b"120000":
            yield Entry(path, EntryKind.SYMLINK, len(content), target=os.fsdecode(content))
        else:
            digest = hashlib.sha256(content).hexdigest()
            yield Entry(path, EntryKind.FILE, len(content), int(mode, 8) & 0o777, sha256=digest, content=content)
