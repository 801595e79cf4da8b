"""Migration scripts that a commit has deleted, found again by their revision ids in what git still keeps of them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.model import Remedy, Revision, Unknown
from migops.migrations.revisions import read_revision
from migops.sources.repository import Change, Repository, Unanswered, by_holder


@dataclass(frozen=True, slots=True)
class Deleted:
    """A revision whose script git has deleted: what it was, the commit that did it, how the script comes back."""

    revision: Revision
    commit: str
    date: str
    subject: str
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Edit:
    """The newest commit that wrote a script: abbreviated hash, date (ISO 8601), first line; and how to read it."""

    commit: str
    date: str
    subject: str
    show: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GitHistory:
    """What git's history says of migrations that the database has had: ``deleted`` by revision id, ``edits`` by name
    of the script."""

    deleted: Mapping[str, Deleted]
    edits: Mapping[str, Edit]


def deleted(folders: Sequence[Path], wanted: Collection[str]) -> dict[str, Deleted] | Unknown:
    """Those of the revisions ``wanted`` (and of their deleted ancestors) whose scripts in ``folders`` git has deleted.

    The history of HEAD and of its upstream branch is walked, as the last fetch left it.
    """
    found: dict[str, Deleted] = {}
    try:
        for top, some in by_holder(folders).items():
            if top is None:
                continue
            repository = Repository(top)
            for each in _all(repository, some):
                found.setdefault(each.revision.id, each)
            unknown = sorted(set(wanted) - found.keys())
            if unknown and repository.shallow:
                fetch = shlex.join(repository.command("fetch", "--unshallow"))
                return Unknown(f"this clone is shallow, so git does not know what happened to {unknown[0]}", fetch)
    except Unanswered as error:
        return Unknown(error.message, error.hint)
    kept: dict[str, Deleted] = {}
    todo = [id_ for id_ in wanted if id_ in found]
    while todo:
        id_ = todo.pop()
        if id_ not in kept:
            kept[id_] = found[id_]
            todo += [parent for parent in found[id_].revision.parents if parent in found]
    return kept


def edits(scripts: Mapping[str, Path]) -> dict[str, Edit] | Unknown:
    """The newest commit of HEAD that wrote each of the scripts; one that no commit has is left out."""
    paths = {path: name for name, path in scripts.items()}
    found: dict[str, Edit] = {}
    try:
        for top, some in by_holder(list(paths)).items():
            if top is None:
                continue
            repository = Repository(top)
            names = {repository.name(path): paths[path] for path in some}
            for name, changes in repository.changes(["HEAD"], list(names)).items():
                newest = next((each for each in changes if not each.merge and each.status != "D"), None)
                if newest:
                    show = repository.command("show", newest.commit, "--", name)
                    found[names[name]] = Edit(newest.commit, newest.date, newest.subject, show)
    except Unanswered as error:
        return Unknown(error.message, error.hint)
    return found


def _all(repository: Repository, folders: Sequence[Path]) -> Iterator[Deleted]:
    """Every revision that was deleted from the folders, the newest deletion first."""
    upstream = repository.upstream.ref
    names = [repository.name(folder) for folder in folders]
    gone = [
        (change, name, digest)
        for change, name, digest in repository.deletions(["HEAD", *([upstream] if upstream else [])], names)
        if name.endswith(".py")
    ]
    texts = repository.contents({digest: os.fsencode(name) for _, name, digest in gone})
    # A merge only passes on what was done elsewhere, if anybody did it.
    for change, name, digest in sorted(gone, key=lambda each: each[0].merge):
        path = os.path.join(repository.top, name)  # noqa: PTH118 - text, as all paths of scripts are
        script = read_revision(path, texts[digest])
        if script.revision is not None:
            yield Deleted(script.revision, change.commit, change.date, change.subject, _back(repository, change, name))


def _back(repository: Repository, change: Change, name: str) -> Remedy:
    if change.merge:
        return Remedy("restore its script from the commit that wrote it",
                      repository.command("log", "--oneline", "--full-history", "--", name))  # fmt: skip
    restore = ("restore", f"--source={change.commit}^", "--staged", "--worktree", "--", name)
    return Remedy("restore its script", repository.command(*restore))
