"""Problems found while reading the places, as findings: shared by the history and the configuration rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from migops.analysis.chain import ORDER
from migops.analysis.container_view import views
from migops.analysis.evidence import Evidence
from migops.core.model import Action, Location, PlaceName, Remedy, Subject
from migops.core.text import listed
from migops.migrations.problem import Problem
from migops.rules.remedies import rebuild
from migops.rules.rule import Match

COMMIT = Remedy("git's HEAD still has it, and the host no longer has: commit the change", action=Action.COMMIT)


def problems(
    evidence: Evidence, rule: str, counts: Callable[[PlaceName, Problem], bool] = lambda place, problem: True
) -> Iterator[Match]:
    """A match for each problem of the rule that ``counts``; the same problem in several places is one match."""
    seen: dict[tuple[object, ...], tuple[Problem, list[PlaceName]]] = {}
    for place in ORDER:
        graph = evidence.graphs.get(place)
        for problem in (*evidence.problems.get(place, ()), *(graph.problems if graph else ())):
            is_script = not problem.at.file.endswith((".pyc", ".pyo"))  # MIG005 reports those
            if problem.rule == rule and is_script and counts(place, problem):
                key = (problem.revisions, PurePosixPath(problem.at.file).name, problem.at.line)
                seen.setdefault(key, (problem, []))[1].append(place)
    for problem, places in seen.values():
        yield Match(
            Subject(problem.revisions[0] if problem.revisions else "", str(problem.at)),
            f"{in_words(places)}: {problem.message}",
            f"{problem.at}",
            link_into(evidence, places[0]),
            {"places": [place.value for place in places], "revisions": list(problem.revisions)},
            _hinted(problem, problem.at) if PlaceName.HOST in places else _not_on_host(evidence, problem, places),
        )


def _not_on_host(evidence: Evidence, problem: Problem, places: list[PlaceName]) -> tuple[Remedy, ...]:
    if evidence.chain.held(PlaceName.HOST) is None:
        return _hinted(problem)
    if places == [PlaceName.CONTAINER]:
        return of_container(evidence)
    commit = (replace(COMMIT, at=problem.at),) if PlaceName.GIT in places else ()
    if places == [PlaceName.GIT]:
        return commit
    return (*commit, *rebuild(evidence, "already fixed on the host; rebuild to get it into the image"))


def of_container(evidence: Evidence) -> tuple[Remedy, ...]:
    """The fix of what only the container has: it is created anew, after what it alone has was saved."""
    image = evidence.chain.held(PlaceName.IMAGE)
    if image is not None and any(view.scripts for view in views(evidence)):
        return (Remedy("goes away with the MIG2 finding above: fix that first", after=("MIG2",)),)
    again = evidence.commands.up("--force-recreate") if image is not None and evidence.commands.compose else ()
    return (Remedy("only the container has it: create the container anew from its image", again),)


def _hinted(problem: Problem, at: Location | None = None) -> tuple[Remedy, ...]:
    """The hint as a step; ``at`` is its line on the host."""
    return (Remedy(problem.hint, at=at),) if problem.hint else ()


def link_into(evidence: Evidence, place: PlaceName) -> tuple[PlaceName, PlaceName] | None:
    """The link before ``place``, the first place with the fault; None if the chain begins there."""
    return next(((link.source, link.target) for link in evidence.chain.links if link.target is place), None)


def in_words(places: list[PlaceName]) -> str:
    return listed([place.value for place in places])
