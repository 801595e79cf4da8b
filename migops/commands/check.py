"""From evidence to a report: checks the rules and draws the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from migops.analysis.evidence import Evidence
from migops.core.model import (
    Absent,
    Finding,
    LinkStatus,
    MigrationSet,
    NotAsked,
    PlaceName,
    PlaceSummary,
    Reading,
    Report,
    Severity,
    Unknown,
    Verdict,
)
from migops.rules import RULES, judge
from migops.rules.rule import Rule
from migops.sources.container_model import representative
from migops.sources.database_state import DatabaseReading, DatabaseState
from migops.target import Target


def make(
    command: str, target: Target, evidence: Evidence, rules: Sequence[Rule], fail_on: Severity,
    needed: Sequence[PlaceName],
) -> Report:  # fmt: skip
    """Check the rules and draw the verdict.

    ``needed``: places without which there is no verdict. Comparing nothing gives no verdict either: two empty folders
    are equal, but that proves nothing.
    """
    findings, skipped = judge(rules, evidence)
    missing = _missing(evidence, needed)
    return Report(
        command=command,
        verdict=_verdict(findings, missing, fail_on),
        project=target.project,
        service=target.service,
        image=evidence.image,
        places=tuple(_summary(evidence, place, reading) for place, reading in _readings(evidence).items()),
        links=evidence.chain.links,
        rows=evidence.chain.rows(),
        findings=findings,
        skipped=skipped,
        missing=missing,
        deselected=tuple(sorted({rule.id for rule in RULES} - {rule.id for rule in rules})),
        fail_on=fail_on,
        warnings=target.model.notices if target.model else (),
        refusable=_unknown_keys(target),
    )


def _unknown_keys(target: Target) -> tuple[str, ...]:
    """The places of the keys that migops does not know, for which compose may refuse the project."""
    marks = [key.mark for key in target.model.unknown_keys] if target.model else []
    return tuple(dict.fromkeys(str(mark.location) for mark in marks))


def required(evidence: Evidence, places: Sequence[PlaceName], other: PlaceName) -> list[PlaceName]:
    """The places without which there is no verdict.

    Not the host, if it has no configuration, ``other`` was read, and no two places differ: which of them is right, only
    the host could tell.
    """
    chain = evidence.chain
    without = isinstance(chain.places.get(PlaceName.HOST), Absent) and chain.held(other) is not None
    without = without and all(link.status is not LinkStatus.DIFFERS for link in chain.links)
    return [place for place in places if not (without and place is PlaceName.HOST)]


def _verdict(findings: Sequence[Finding], missing: Sequence[str], fail_on: Severity) -> Verdict:
    if missing:
        return Verdict.UNKNOWN
    if any(finding.severity.rank >= fail_on.rank for finding in findings):
        return Verdict.FINDINGS
    return Verdict.CLEAN


def _missing(evidence: Evidence, needed: Sequence[PlaceName]) -> tuple[str, ...]:
    """The reasons why there is no verdict, a sentence each."""
    readings = {place: evidence.reading(place) for place in needed}
    undetermined = tuple(f"{place.value}: {why}" for place, reading in readings.items() if (why := _why_not(reading)))
    if undetermined:
        return undetermined
    compiled = [
        place.value
        for place, read in readings.items()
        if isinstance(read, MigrationSet) and read.sourceless and read.bytecode and not read.scripts
    ]
    if compiled:
        return tuple(
            f"{place}: only compiled scripts (sourceless = true), which cannot be compared with source files"
            for place in compiled
        )
    if not any(isinstance(read, MigrationSet) and (read.scripts or read.bytecode) for read in readings.values()):
        names = " and ".join(place.value for place in needed)
        return (f"no migration scripts in {names}: nothing to compare is not a pass",)
    return ()


def _readings(evidence: Evidence) -> dict[PlaceName, Reading | DatabaseReading]:
    """The places of the chain, and the database if it was asked for."""
    asked = {} if isinstance(evidence.database, NotAsked) else {PlaceName.DATABASE: evidence.database}
    return {**evidence.chain.places, **asked}


def _why_not(reading: Reading | DatabaseReading) -> str:
    """The reason why the place was not read; '' if it was."""
    if isinstance(reading, (MigrationSet, DatabaseState)):
        return ""
    hint = reading.hint if isinstance(reading, Unknown) else ""
    return f"{reading.reason} (try: {hint})" if hint else reading.reason or "it was not read"


def _summary(evidence: Evidence, place: PlaceName, reading: Reading | DatabaseReading) -> PlaceSummary:
    if isinstance(reading, DatabaseState):
        return PlaceSummary(place, "read", "", reading.url, len(reading.rows), reading.rows)
    if isinstance(reading, MigrationSet):
        graph = evidence.graphs[place]
        partly, through = _mounts(evidence) if place is PlaceName.CONTAINER else ("", ())
        remarks = "; ".join(filter(None, (reading.note, partly)))
        location = ", ".join(reading.location)
        return PlaceSummary(place, "read", remarks, location, len(graph.revisions), graph.heads, through)
    return _unread(place, reading)


def _mounts(evidence: Evidence) -> tuple[str, tuple[str, ...]]:
    """What of the migrations is mounted into the container that stands for all, and the mounts if all of it is."""
    from migops.analysis import mounted  # only where there is a container

    if all(each.one_off for each in evidence.containers):
        return "", ()
    container = representative(evidence.containers, evidence.chain.held(PlaceName.IMAGE))
    return mounted.partly(container), mounted.through(container)


def _unread(place: PlaceName, reading: Absent | NotAsked | Unknown) -> PlaceSummary:
    status = {Absent: "absent", NotAsked: "not-asked", Unknown: "unknown"}[type(reading)]
    return PlaceSummary(place, status, reading.reason)
