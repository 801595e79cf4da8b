"""Commits to be printed, of files that are still to be edited or that are new: what git would accept. Only reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from migops.core.model import Action, Remedy
from migops.core.text import counted, first_few
from migops.sources.repository import Repository, Unanswered, by_holder


def commit_of(files: Sequence[Path], cwd: Path) -> Remedy | None:
    """The commit of exactly those of ``files`` that git follows; None if it follows none of them.

    Its ``why`` says what else git has changes in; empty if that is nothing.

    Files of a second repository are left out: a commit is one repository's.
    """
    for folder, some in by_holder(files).items():
        if folder is None:
            continue
        try:
            remedy = _commit(Repository(folder), some, cwd)
        except Unanswered:
            continue  # then no commit is promised: the findings on git say why it does not answer
        if remedy is not None:
            return remedy
    return None


def _commit(repository: Repository, files: Sequence[Path], cwd: Path) -> Remedy | None:
    names = {repository.name(path): path for path in files}
    known = _names(repository.read("ls-files", "-z", "--", *names))
    followed = [name for name in names if name in known]
    if not followed:
        return None
    message = f"Fix {first_few([PurePosixPath(name).name for name in followed])}"
    top, here = Path(repository.top), cwd.resolve()
    if repository.ask("rev-parse", "--verify", "--quiet", "MERGE_HEAD").code == 0:
        why = (
            "finish the merge that is in progress, with the edited files in it: git commits no single files until then"
        )
        return Remedy(why, action=Action.COMMIT)
    if here == top or top in here.parents:
        paths = [os.path.relpath(top / name, here) for name in followed]
        command: tuple[str, ...] = ("git", "commit", "-m", message, "--", *paths)
    else:
        command = repository.command("commit", "-m", message, "--", *followed)
    others = len(_changed(repository) - set(followed))
    stay = f"only this is committed: git has changes in {counted(others, 'other file')}, which stay as they are"
    return Remedy(stay if others else "", command)


def commit_of_new(files: Sequence[Path], message: str, cwd: Path) -> tuple[tuple[str, ...], ...]:
    """The ``git add`` and the ``git commit`` of new files, typed in ``cwd``; () if git has no say in them.

    Only those of the first file's repository: a commit is one repository's. An ignored file is added by force.
    """
    folder, some = next(iter(by_holder(files).items()), (None, ()))
    if folder is None:
        return ()
    try:
        repository = Repository(folder)
        ignored = repository.ask("check-ignore", "-q", "--", *(str(path) for path in some)).code == 0
    except Unanswered:
        return ()
    top, here = Path(repository.top), cwd.resolve()
    is_inside = here == top or top in here.parents
    git = ("git",) if is_inside else repository.command()
    start = here if is_inside else top
    paths = [os.path.relpath(path.resolve().parent / path.name, start) for path in some]
    force = ("-f",) if ignored else ()
    return (*git, "add", *force, "--", *paths), (*git, "commit", "-m", message, "--", *paths)


def _changed(repository: Repository) -> set[str]:
    """The files that git follows and that differ from HEAD, staged or not."""
    return _names(repository.read("diff", "--name-only", "-z", "--no-ext-diff", "--no-renames", "HEAD", "--"))


def _names(output: bytes) -> set[str]:
    return {os.fsdecode(name) for name in output.split(b"\0") if name}
