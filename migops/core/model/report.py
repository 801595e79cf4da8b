"""The result of a check: findings with their fixes, and the report that every format renders. Frozen values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from migops.core.location import Location
from migops.core.model.places import ImageIdentity, Link, PlaceName


class Severity(str, Enum):
    """The severity of a finding. ``--fail-on`` compares by ``rank``."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return ("info", "warning", "error").index(self.value)


class Action(str, Enum):
    """The kind of a step of a fix, in the order of doing where nothing else decides it."""

    LOOK = "look"
    """Reads only."""
    SAVE = "save"
    """Copies out what a later step would lose."""
    FETCH = "fetch"
    """Gets files from git."""
    EDIT = "edit"
    """A change by hand, mostly of a file."""
    COMMIT = "commit"
    START = "start"
    """Starts a service that the later steps need, such as the database server."""
    BUILD = "build"
    REVISION = "revision"
    """Writes a revision, so that files and image change once more."""
    ADOPT = "adopt"
    UPGRADE = "upgrade"
    RECREATE = "recreate"
    DEPLOY = "deploy"
    OTHER = "other"
    """A command whose place in the order is not known."""

    @property
    def rank(self) -> int:
        """The position in the order of doing, from 0."""
        return list(Action).index(self)


@dataclass(frozen=True, slots=True)
class Remedy:
    """One step of a fix. Steps follow one another, except for an ``alternative``."""

    why: str
    """The effect of the command; without a command, the instruction itself."""
    command: tuple[str, ...] = ()
    """Arguments of a command that works as typed; () for a step that no command can do."""
    alternative: bool = False
    """True for another way than the steps before it."""
    at: Location | None = None
    """The line to edit, or the file to commit; None if it is not known."""
    action: Action | None = None
    """Its kind, where the command does not tell it (``printed.action_of``)."""
    after: tuple[str, ...] = ()
    """Beginnings of rule ids: not a step, but "fix the findings of these rules first"."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a finding: a revision, a file, or both."""

    revision: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, with the facts that prove it and the smallest fix."""

    rule: str
    """The rule's ID, such as MIG101."""
    name: str
    severity: Severity
    subject: Subject
    message: str
    cause: str
    link: tuple[PlaceName, PlaceName] | None = None
    """The first broken link of the chain, if that is the cause."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    remedy: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that could not be checked. It is reported, since it is not a pass."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlaceSummary:
    """A place in a report."""

    place: PlaceName
    status: str
    """``read``, ``absent``, ``not-asked`` or ``unknown``."""
    reason: str = ""
    """The reason why it was not read, or a remark on the reading."""
    location: str = ""
    revisions: int = 0
    """Number of revisions."""
    heads: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    """The bind mounts through which a container reads the host's scripts, as ``SOURCE → TARGET``: then the image is not
    in between."""


@dataclass(frozen=True, slots=True)
class Row:
    """One revision or script in which the places differ."""

    label: str
    path: str
    marks: Mapping[PlaceName, str]
    """``held``, ``missing`` or ``changed``, by place."""
    link: tuple[PlaceName, PlaceName] | None
    """The link that is the cause."""


class Verdict(str, Enum):
    """The result of a check as a whole; it matches the exit codes 0, 1 and 3."""

    CLEAN = "clean"
    FINDINGS = "findings"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Silenced:
    """A rule that the settings of the checkout leave out, with the reason given there and the line."""

    rule: str
    reason: str
    at: Location


@dataclass(frozen=True, slots=True)
class Step:
    """One command, or one edit."""

    action: Action
    why: str
    """The effect of the command; without a command, the instruction itself."""
    command: tuple[str, ...] = ()
    at: Location | None = None
    """The line to edit; None if it is not known."""
    findings: tuple[Finding, ...] = ()
    """The findings whose fix begins with this step, the cause first. Each finding is in one step only."""
    is_choice: bool = False
    """True if one of the findings has another way as well."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the findings' rules, the cause first."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, what is left without one, and what to do now."""

    steps: tuple[Step, ...] = ()
    left: tuple[Finding, ...] = ()
    """Findings without a step: below ``--fail-on``, and not fixed by commands alone."""
    unplanned: tuple[Finding, ...] = ()
    """Findings that count and have no known fix."""
    next_text: str = ""
    """What to do now, in words, or why ``next_command`` is the command to type; empty if it is the first step."""
    next_command: tuple[str, ...] = ()
    """What to type now; () if it is no command."""


@dataclass(frozen=True, slots=True)
class Report:
    """The complete result of a diagnostic command."""

    command: str
    verdict: Verdict
    project: str
    service: str
    image: ImageIdentity | None
    places: tuple[PlaceSummary, ...]
    links: tuple[Link, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    missing: tuple[str, ...] = ()
    """The reasons for ``Verdict.UNKNOWN``, a sentence each."""
    deselected: tuple[str, ...] = ()
    """IDs of the rules that --select, --ignore or the settings left out."""
    silenced: tuple[Silenced, ...] = ()
    """Those of ``deselected`` that the settings of the checkout left out, by id."""
    fail_on: Severity = Severity.ERROR
    """The lowest severity that counts for the verdict."""
    warnings: tuple[str, ...] = ()
    """Of the compose project: what compose may refuse and migops reads nevertheless, a sentence each."""
    refusable: tuple[str, ...] = ()
    """The lines with keys that migops does not know."""
    plan: Plan | None = None
    """The steps in the order of doing; None for a command that prints the findings instead."""
