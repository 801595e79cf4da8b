"""Marks next to a drawn revision: the places that have it, and its state in the database."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.core.model import Absent, PlaceName
from migops.core.terminal import CYAN, GREEN, RED, YELLOW, printable, styled
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from migops.commands.status import Row, Status

LETTERS = {
    PlaceName.GIT: "G", PlaceName.HOST: "H", PlaceName.CONTEXT: "B", PlaceName.IMAGE: "I", PlaceName.CONTAINER: "C",
}  # fmt: skip
NAMES = {PlaceName.CONTEXT: "build context"}
STATES = {"current": "@", "applied": "+", "pending": "-", "": "-", None: "?"}
_COLORS = {"@": GREEN, "+": GREEN, "?": YELLOW, "-": YELLOW}


@dataclass(frozen=True, slots=True)
class Marks:
    """The letters of each revision: a column for each place that was read, and one for the database."""

    status: Status
    rows: Mapping[str, Row]
    places: tuple[PlaceName, ...]
    has_database: bool

    def beside(self, revision: str, color: bool) -> str:
        """The letters of one revision."""
        row = self.rows.get(revision)
        marks = "".join(self._place(row, place, color) for place in self.places)
        return f"{marks} {self._state(row, color)}" if self.has_database else marks

    @property
    def blank(self) -> str:
        """Padding for a line without a revision."""
        return " " * (len(self.places) + 2 * self.has_database)

    def legend(self, width: int) -> Iterator[str]:
        """The meaning of the letters, the database's position, and the unreadable places; then an empty line."""
        names = ", ".join(f"{LETTERS[place]} {NAMES.get(place, place.value)}" for place in self.places)
        small = "; lower case: differs from the host" if self._differs() else ""
        yield from _wrapped("places    ", f"{names}{small}; -: missing", width)
        yield from _wrapped("database  ", self._database(), width)
        for place in self.status.report.places:
            if place.status in ("unknown", "absent") and place.place is not PlaceName.DATABASE:
                yield from _wrapped(f"{place.place.value:<10}", f"{place.status}: {place.reason}", width)
        yield ""

    def _database(self) -> str:
        state = self.status.database
        if not isinstance(state, DatabaseState):
            return f"{'absent' if isinstance(state, Absent) else 'unknown'}: {state.reason}"
        known = all(row.state is not None for row in self.rows.values())
        signs = "@ current, + applied, - not applied" if known else "? unknown"
        return f"{signs}; {self.status.sentence} ({state.url})"

    def _differs(self) -> bool:
        return any("changed" in row.marks.values() for row in self.rows.values())

    def _place(self, row: Row | None, place: PlaceName, color: bool) -> str:
        mark = row.marks.get(place, "missing") if row else "missing"
        if mark == "missing":
            return styled("-", RED) if color else "-"
        letter = LETTERS[place].lower() if mark == "changed" else LETTERS[place]
        return styled(letter, YELLOW if mark == "changed" else CYAN) if color else letter

    def _state(self, row: Row | None, color: bool) -> str:
        sign = STATES[row.state if row else None]
        return styled(sign, _COLORS[sign]) if color else sign


def marks_of(status: Status) -> Marks:
    """The marks that a status gives to its revisions."""
    from migops.output.status import columns

    places = tuple(columns(status))
    rows = {row.revision.id: row for row in status.rows}
    return Marks(status, rows, places, isinstance(status.database, DatabaseState))


def _wrapped(lead: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        printable(text), width, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
