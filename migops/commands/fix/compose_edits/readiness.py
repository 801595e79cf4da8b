"""Fixers of MIG801 and MIG803: services wait until the server is ready, and its health check asks over TCP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from migops.analysis.evidence import Evidence
from migops.commands.fix.compose_edits import places
from migops.commands.fix.compose_edits.depends import wait_for
from migops.commands.fix.compose_edits.draft import Draft, Source
from migops.commands.fix.compose_edits.insert import add_keys
from migops.commands.fix.compose_edits.nodes import Node, NotEditable
from migops.commands.fix.compose_edits.same_model import applied_by, prove
from migops.commands.fix.compose_edits.servers import TIMES, probe, refuse_loss
from migops.commands.fix.model import Fix, Fixer, NotFixed
from migops.compose import Project
from migops.core.model import Finding
from migops.core.text import listed

_HEALTHY, _COMPLETED = "service_healthy", "service_completed_successfully"
_READY = re.compile(r"\bpg_isready\b")

Edit = Callable[[Evidence, Finding, Project], Fix]


def of_project(edit: Edit) -> Fixer:
    """A fixer from an edit that raises ``NotEditable``, for findings of a compose project."""

    def fixer(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
        project = evidence.setup.project if evidence.setup else None
        if project is None:
            return NotFixed(finding.rule, "there is no compose project")
        try:
            return _without_files_of_others(edit(evidence, finding, project), project)
        except NotEditable as error:
            return NotFixed(finding.rule, error.reason)

    return fixer


def _without_files_of_others(fix: Fix, project: Project) -> Fix:
    """The fix itself. ``NotEditable`` where it edits a file that is included or extended from elsewhere: that may be
    part of other projects, which were not looked at."""
    named = {Path(file).resolve() for file in project.files}
    for edit in fix.edits:
        if edit.path not in named and not edit.path.is_relative_to(Path(project.directory).resolve()):
            raise NotEditable(f"{edit.path} is outside of {project.directory}, so other projects may use it too")
    return fix


def wait_until_ready(evidence: Evidence, finding: Finding, project: Project) -> Fix:
    """MIG801: a health check for the server if it has none, and ``depends_on`` with the condition."""
    names = [str(each) for each in finding.facts["services"]]
    if one_shot := finding.facts.get("one_shot"):
        return _wait_for_end(evidence, finding, project, names, str(one_shot))
    server = str(finding.facts["server"])
    draft, check = Draft(), None
    given = project.services[server].healthcheck
    if not finding.facts["healthcheck"]:
        check = _add_check(draft, project, server)
    elif given is not None and not given.test:
        raise NotEditable(f"the health check of {server} ({given.location}) has no test, so nothing makes it healthy")
    for name in names:
        wait_for(draft, project, name, server, _HEALTHY)

    def intended(services: dict[str, Any]) -> None:
        if check is not None:
            services[server]["healthcheck"] = check
        for name in names:
            _depend(services[name], server, _HEALTHY)

    prove(project, draft.contents(), {server, *names}, intended)
    waits = f"{listed(names)} {'waits' if len(names) == 1 else 'wait'} until {server} is healthy"
    title = f"{server} gets a health check, and {waits}" if check else waits
    return Fix(finding.rule, title, draft.edits(), note=applied_by(evidence, (*([server] if check else ()), *names)))


def over_tcp(evidence: Evidence, finding: Finding, project: Project) -> Fix:
    """MIG803: ``pg_isready`` asks over TCP."""
    server = str(finding.facts["service"])
    draft = Draft()
    source, _, check = places.key_of(draft, project, server, "healthcheck")
    matches = check.get("test")
    if matches is None or matches[1].kind == "alias":
        source, _, test = _test_of(draft, project, server)
    else:
        test = matches[1]
    _add_host(source, test, server)

    def intended(services: dict[str, Any]) -> None:
        given = services[server]["healthcheck"]["test"]
        services[server]["healthcheck"]["test"] = _with_host(given)

    prove(project, draft.contents(), {server}, intended)
    title = f"the health check of {server} asks PostgreSQL over TCP"
    return Fix(finding.rule, title, draft.edits(), note=applied_by(evidence, [server]))


def _test_of(draft: Draft, project: Project, server: str) -> tuple[Source, Node, Node]:
    """The ``test`` that counts, where another file or an anchor has it."""
    mark = project.tree["services"][server]["healthcheck"].marks["test"]
    source = draft.source(mark.file)
    matches = [
        (key, value)
        for root in source.roots
        for node in root.walk()
        for key, value in node.pairs()
        if key.value == "test" and key.line == mark.line
    ]
    if len(matches) != 1:
        raise NotEditable(f"the test of {server} was not found at {mark.location}")
    return source, matches[0][0], matches[0][1].resolved


def _add_check(draft: Draft, project: Project, server: str) -> dict[str, Any]:
    """Write a health check; returns it as the model has it."""
    service = project.services[server]
    if service.healthcheck is not None:
        raise NotEditable(f"the health check of {server} is disabled on purpose ({service.healthcheck.location})")
    text = probe(service)
    refuse_loss(service)
    source, _, definition = places.service(draft, project, server)
    quoted = text.replace("'", "''").replace("$", "$$")
    keys = {name: str(value) for name, value in TIMES.items()}
    add_keys(source, definition, {"healthcheck": {"test": f"[\"CMD-SHELL\", '{quoted}']", **keys}})
    return {"test": ["CMD-SHELL", text], **TIMES}


def _depend(service: dict[str, Any], needed: str, condition: str) -> None:
    entry = service.setdefault("depends_on", {}).setdefault(needed, {"required": True})
    entry["condition"] = condition


def _wait_for_end(evidence: Evidence, finding: Finding, project: Project, names: list[str], one_shot: str) -> Fix:
    """MIG801: the others start when the service that migrates has ended, which it may not be restarted for."""
    draft, service = Draft(), project.services[one_shot]
    restarted = service.restart not in ("", "no") and not service.restart.startswith("on-failure")
    if restarted:
        source, _, value = places.key_of(draft, project, one_shot, "restart")
        if value.kind != "scalar":
            raise NotEditable(f"the restart of {one_shot} is not a plain value")
        source.change(value.start, value.end, '"no"')
    for name in names:
        wait_for(draft, project, name, one_shot, _COMPLETED)

    def intended(services: dict[str, Any]) -> None:
        if restarted:
            services[one_shot]["restart"] = "no"
        for name in names:
            _depend(services[name], one_shot, _COMPLETED)

    prove(project, draft.contents(), {one_shot, *names}, intended)
    verb = "waits" if len(names) == 1 else "wait"
    title = f"{listed(names)} {verb} until {one_shot} has migrated"
    return Fix(finding.rule, title, draft.edits(), note=applied_by(evidence, names))


def _add_host(source: Source, test: Node, server: str) -> None:
    """Add ``-h 127.0.0.1`` after the one pg_isready of a test, in the form that the test has."""
    items = [test] if test.kind == "scalar" else test.items
    words = [item for item in items if item.kind == "scalar" and _READY.search(item.value)]
    written = source.text[words[0].start : words[0].end] if len(words) == 1 else ""
    if len(_READY.findall(written)) != 1:
        raise NotEditable(f"the health check of {server} does not call pg_isready exactly once")
    word = words[0]
    if test.kind == "scalar" or not _is_word([item.value for item in items], word.value):
        at = word.start + next(_READY.finditer(written)).end()
        source.change(at, at, " -h 127.0.0.1")
        return
    added = [f"{word.style}{each}{word.style}" for each in ("-h", "127.0.0.1")]
    if test.flow:
        source.change(word.end, word.end, f", {', '.join(added)}")
        return
    dash = source.text[source.line_start(word.start) : word.start]
    if dash.strip() != "-":
        raise NotEditable(f"the health check of {server} is not written a word a line")
    source.insert_lines(source.line_end(word.end), [f"{dash}{each}" for each in added])


def _is_word(test: list[str], word: str) -> bool:
    """True if pg_isready is the program of the test, not a part of a shell command."""
    return test[0] == "CMD" and word == test[1] and word.endswith("pg_isready")


def _with_host(test: list[str]) -> list[str]:
    made: list[str] = []
    for word in test:
        if _is_word(test, word):
            made += [word, "-h", "127.0.0.1"]
        else:
            made.append(_READY.sub("pg_isready -h 127.0.0.1", word))
    return made
