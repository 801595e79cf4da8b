"""Migration scripts that a commit has deleted, found in git's history by their revision ids."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.model import Remedy, Revision, Unknown
from migops.migrations.revisions import read_revision
from migops.sources.git_output import Change
from migops.sources.repository import Repository, Unanswered, by_holder


@dataclass(frozen=True, slots=True)
class Deleted:
    """A revision whose script a commit has deleted, that commit, and the step that restores the script."""

    revision: Revision
    commit: str
    date: str
    subject: str
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Edit:
    """The newest commit that changed a script: abbreviated hash, date (ISO 8601), first line, command to show it."""

    commit: str
    date: str
    subject: str
    show: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GitHistory:
    """Git's history of migrations that the database has had."""

    deleted: Mapping[str, Deleted]  # by revision id
    edits: Mapping[str, Edit]  # by name of the script


def deleted(folders: Sequence[Path], wanted: Collection[str]) -> dict[str, Deleted] | Unknown:
    """Those of the revisions ``wanted`` (and their ancestors) whose scripts in ``folders`` a commit has deleted.

    The history of HEAD and of its upstream branch (as of the last fetch) is searched.
    """
    deletions: dict[str, Deleted] = {}
    try:
        for top, some in by_holder(folders).items():
            if top is None:
                continue
            repository = Repository(top)
            for deletion in _all(repository, some):
                deletions.setdefault(deletion.revision.id, deletion)
            unknown = sorted(set(wanted) - deletions.keys())
            if unknown and repository.shallow:
                fetch = shlex.join(repository.command("fetch", "--unshallow"))
                return Unknown(f"this clone is shallow, so git does not know what happened to {unknown[0]}", fetch)
    except Unanswered as error:
        return Unknown(error.message, error.hint)
    kept: dict[str, Deleted] = {}
    todo = [id_ for id_ in wanted if id_ in deletions]
    while todo:
        id_ = todo.pop()
        if id_ not in kept:
            kept[id_] = deletions[id_]
            todo += [parent for parent in deletions[id_].revision.parents if parent in deletions]
    return kept


def edits(scripts: Mapping[str, Path]) -> dict[str, Edit] | Unknown:
    """The newest commit of HEAD that changed each of the scripts; scripts without a commit are omitted."""
    paths = {path: name for name, path in scripts.items()}
    newest_edits: dict[str, Edit] = {}
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
                    newest_edits[names[name]] = Edit(newest.commit, newest.date, newest.subject, show)
    except Unanswered as error:
        return Unknown(error.message, error.hint)
    return newest_edits


def _all(repository: Repository, folders: Sequence[Path]) -> Iterator[Deleted]:
    """Every deleted revision of the folders, the newest deletion first."""
    upstream = repository.upstream.ref
    names = [repository.name(folder) for folder in folders]
    gone = [
        (change, name, digest)
        for change, name, digest in repository.deletions(["HEAD", *([upstream] if upstream else [])], names)
        if name.endswith(".py")
    ]
    texts = repository.contents({digest: os.fsencode(name) for _, name, digest in gone})
    # A merge counts only if no other commit made the change.
    for change, name, digest in sorted(gone, key=lambda each: each[0].merge):
        path = os.path.join(repository.top, name)  # noqa: PTH118 - text, like all paths of scripts
        script = read_revision(path, texts[digest])
        if script.revision is not None:
            yield Deleted(script.revision, change.commit, change.date, change.subject, _back(repository, change, name))


def _back(repository: Repository, change: Change, name: str) -> Remedy:
    if change.merge:
        return Remedy("restore its script from the commit that wrote it",
                      repository.command("log", "--oneline", "--full-history", "--", name))  # fmt: skip
    restore = ("restore", f"--source={change.commit}^", "--staged", "--worktree", "--", name)
    return Remedy("restore its script", repository.command(*restore))
