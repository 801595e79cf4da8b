"""What was found in a container's start while it was followed."""

from __future__ import annotations

from dataclasses import dataclass, field

from migops.core.model import Location
from migops.core.redaction import redact
from migops.entrypoint.model import Change, Executed, Migrating, Ran
from migops.entrypoint.version_writes import VersionWrite, Writes


@dataclass(slots=True)
class StartRecord:
    """The findings so far, each list in the order of the start. Texts have no secrets."""

    changes: list[Change] = field(default_factory=list)
    last: str = ""
    """The last command that could be the purpose of the container."""
    stays: bool = False
    """True if another command may be its purpose: one that it waits for, or that a branch ends with."""
    behind: bool = False
    """True if one that could be its purpose runs in the background."""
    waits: list[str] = field(default_factory=list)
    """The text of each command or loop that waits for a server."""
    unread: list[str] = field(default_factory=list)
    """A sentence for each part that could not be followed."""
    unfound: list[str] = field(default_factory=list)
    """The same for modules that a server loads and that are no files of the project."""
    ran: list[Ran] = field(default_factory=list)
    """The calls of Alembic."""
    migrating: list[Migrating] = field(default_factory=list)
    """Those of them that write."""
    writes: list[VersionWrite] = field(default_factory=list)
    """What changes the version table or adds revisions, without migrating."""
    executed: list[Executed] = field(default_factory=list)
    """The files that are programs themselves."""

    def change(
        self, at: Location, place: str, text: str, upgrade: bool, condition: str, swallowed: str, *,
        of_setting: bool = False,
    ) -> None:  # fmt: skip
        """Record a change of the schema, once."""
        change = Change(at, place, redact(text), upgrade, redact(condition), redact(swallowed), of_setting)
        if change not in self.changes:
            self.changes.append(change)

    def stamp(self) -> None:
        """What was created before is now known to Alembic."""
        self.changes = [change for change in self.changes if change.upgrade]

    def write(self, at: Location, place: str, text: str, kind: Writes, condition: str) -> None:
        """Record what changes the version table, once, but for a stamp of what has just been run."""
        if kind is Writes.STAMP and any(change.upgrade and not change.condition for change in self.changes):
            return
        write = VersionWrite(at, place, redact(text), kind, redact(condition))
        if write not in self.writes:
            self.writes.append(write)
