"""Problems that reading the places brought up, as findings: what the history and the configuration rules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from migops.analysis.chain import ORDER
from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Subject
from migops.core.text import listed
from migops.migrations.problem import Problem
from migops.rules.remedies import rebuild
from migops.rules.rule import Match

OF_CONTAINER = (Remedy("settle what only the container holds first: the MIG2 finding says how"),)


def problems(evidence: Evidence, rule: str) -> Iterator[Match]:
    """The problems of one rule that reading the places brought up; the same one in several places is one finding."""
    seen: dict[tuple[object, ...], tuple[Problem, list[PlaceName]]] = {}
    for place in ORDER:
        graph = evidence.graphs.get(place)
        for problem in (*evidence.problems.get(place, ()), *(graph.problems if graph else ())):
            if problem.rule == rule and not problem.at.file.endswith((".pyc", ".pyo")):  # MIG005 judges those
                key = (problem.revisions, PurePosixPath(problem.at.file).name, problem.at.line)
                seen.setdefault(key, (problem, []))[1].append(place)
    for problem, places in seen.values():
        yield Match(
            Subject(problem.revisions[0] if problem.revisions else "", str(problem.at)),
            f"{in_words(places)}: {problem.message}",
            f"{problem.at}",
            link_into(evidence, places[0]),
            {"places": [place.value for place in places], "revisions": list(problem.revisions)},
            _hinted(problem) if PlaceName.HOST in places else _not_on_host(evidence, problem, places),
        )


def _not_on_host(evidence: Evidence, problem: Problem, places: list[PlaceName]) -> tuple[Remedy, ...]:
    if evidence.chain.held(PlaceName.HOST) is None:
        return _hinted(problem)
    if places == [PlaceName.CONTAINER]:
        return OF_CONTAINER
    return rebuild(evidence, "the host does not have this fault: the build brings the host's files")


def _hinted(problem: Problem) -> tuple[Remedy, ...]:
    return (Remedy(problem.hint),) if problem.hint else ()


def link_into(evidence: Evidence, place: PlaceName) -> tuple[PlaceName, PlaceName] | None:
    """The link at which a fault that first shows in ``place`` came in; None where the chain begins with it."""
    return next(((link.source, link.target) for link in evidence.chain.links if link.target is place), None)


def in_words(places: list[PlaceName]) -> str:
    return listed([place.value for place in places])
