"""Git's status of a script that the host lacks. Separate from the reader, because a clean check does not call git."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from migops.core.model import Remedy


class GitStatus(str, Enum):
    """The status of a file that the host does not have."""

    DELETED = "deleted"  # a commit of this branch or its upstream removed it, and neither contains it
    REMOVED_HERE = "removed-here"  # HEAD has it; only the working tree does not
    UPSTREAM = "upstream"  # commits that this branch lacks add it: the host is behind
    NEVER = "never"  # no commit known to this repository has ever contained it
    NO_GIT = "no-git"  # the folder is not in a repository: the host counts as correct
    UNKNOWN = "unknown"  # git could not answer

    @property
    def rebuild_helps(self) -> bool:
        """True if the host is correct, so that a build from it is a fix and removes nothing that is needed."""
        return self in (GitStatus.DELETED, GitStatus.REMOVED_HERE, GitStatus.NO_GIT)


@dataclass(frozen=True, slots=True)
class GitRecord:
    """The status of a file, and the commit that decides it."""

    kind: GitStatus
    commit: str = ""  # abbreviated hash
    date: str = ""  # ISO 8601
    subject: str = ""  # the first line of the message
    branch: str = ""
    reason: str = ""
    remedy: Remedy | None = None
    """The step that brings the file to the host, or after which git can answer. Its command works in any folder, and is
    empty if no single command does it."""
