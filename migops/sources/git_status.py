"""What became of a script that the host lacks, as git tells it. Apart from the asking: a clean check asks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from migops.core.model import Remedy


class GitStatus(str, Enum):
    """What git's history says of a file that the host does not have."""

    DELETED = "deleted"  # a commit of this branch or its upstream removed it, and neither has it
    REMOVED_HERE = "removed-here"  # HEAD has it; only the working tree does not
    UPSTREAM = "upstream"  # commits that this branch lacks bring it: the host is behind
    NEVER = "never"  # no commit that this repository knows has ever had it
    NO_GIT = "no-git"  # the folder is in no repository: the host is taken as meant
    UNKNOWN = "unknown"  # git was asked and could not say

    @property
    def rebuild_helps(self) -> bool:
        """Whether the host is what is meant, so that a build from it is a fix and takes nothing away."""
        return self in (GitStatus.DELETED, GitStatus.REMOVED_HERE, GitStatus.NO_GIT)


@dataclass(frozen=True, slots=True)
class GitRecord:
    """What became of a file, and the commit that decides it: abbreviated hash, date (ISO 8601), first line.

    ``remedy`` is the step that brings the file to the host, or after which git can say; its command can be typed
    anywhere, and is empty where no one command does it.
    """

    kind: GitStatus
    commit: str = ""
    date: str = ""
    subject: str = ""
    branch: str = ""
    reason: str = ""
    remedy: Remedy | None = None
