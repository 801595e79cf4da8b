"""Whether git tracks a file, so that deleting it would be a change of the repository."""

from __future__ import annotations

from pathlib import Path

from migops.sources.git import indexed
from migops.sources.repository import Repository, Unanswered, holder


def tracked(path: Path) -> str:
    """The reason why the file is not to be deleted; '' if git does not track it, or there is no repository."""
    top = holder(path.parent)
    if top is None:
        return ""
    try:
        repository = Repository(top)
        return "git tracks it: git rm --cached it first" if indexed(repository, [repository.name(path)]) else ""
    except Unanswered as error:
        return f"whether git tracks it is not known: {error.message}"
