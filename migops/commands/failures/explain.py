"""From the end of Alembic's output to the lines with its meaning, the cause here, and the commands that fix it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from migops import collect
from migops.collect.database_query import Ask
from migops.commands.failures.closing import closing
from migops.commands.failures.failure import Failure, Step
from migops.commands.failures.inputs import Data, FailureInputs
from migops.commands.failures.program import find_programs
from migops.commands.failures.recognise import groups, recognise
from migops.core.errors import MigopsError
from migops.core.model import Finding, MigrationSet
from migops.core.printed import BARE
from migops.core.redaction import redact
from migops.core.terminal import shell_line
from migops.docker import Engine, compose_labels
from migops.rules import RULES, judge
from migops.runner.traceback import begun, is_before_first, script_place
from migops.target import Target

_PATIENCE = 5.0  # seconds for a database that has just failed
_MOST = 2  # findings to show: the first ones are the cause, the others follow from them


def explain(
    output: str, target: Target, engine: Engine, arguments: Sequence[str], *, code: int = 0, data: Data = Data.LIVE,
    again: tuple[str, ...] = (),
) -> Iterator[str]:  # fmt: skip
    """The lines for the known failure in ``output``, none if there is none; without secrets.

    Only reads; never raises. ``code`` is Alembic's exit code, ``data`` the kind of database that it ran on, ``again``
    the command of migops that failed.
    """
    known = recognise(output, code)
    if known is not None:
        failure, found = known
        inputs = replace(look(failure, target, engine, arguments, data), again=again)
        yield from (redact(line) for line in lines(failure, found, inputs))


def look(
    failure: Failure, target: Target, engine: Engine, arguments: Sequence[str], data: Data = Data.LIVE
) -> FailureInputs:
    """Read the places, as far as they can explain this failure."""
    containers: dict[str, list[str]] = {}
    host = _host(target)
    try:
        for each in engine.containers(compose_labels.filters(target.project)):
            if not compose_labels.is_one_off(each):
                service = compose_labels.service_of(each)
                containers.setdefault(service, []).append(str(each.get("Status") or each.get("State")))
        if not failure.rules:
            programs = find_programs(target, engine) if failure.seeks_program else ()
            return FailureInputs(target, arguments, None, "", containers, host, data, programs)
        ask = Ask(timeout=_PATIENCE) if failure.asks_database and data is Data.LIVE else None
        evidence = collect.check(target, lambda: engine, ask=ask, lint=True)
        return FailureInputs(target, arguments, evidence, "", containers, host, data)
    except MigopsError as error:
        return FailureInputs(target, arguments, None, str(error), containers, host, data)


def _host(target: Target) -> MigrationSet | None:
    """The migrations on the host; None if they cannot be read."""
    try:
        return collect.host(target).migrations
    except MigopsError:
        return None


def lines(failure: Failure, match: re.Match[str], inputs: FailureInputs) -> Iterator[str]:
    """The lines to print: meaning, cause in the current state, and the fix as commands."""
    findings = _findings(failure, match, inputs)
    yield ""
    yield f"migops: {failure.name}"
    yield f"  means  {failure.means}"
    causes = [place_of_failure(match.string, inputs), failure.cause(match, inputs) if failure.cause else ""]
    causes += [f"{finding.rule}: {finding.message}; {finding.cause}" for finding in findings]
    causes.append(before_first(match.string, inputs))
    if inputs.unread:
        causes.append(f"could not read the places: {inputs.unread}")
    yield from _column("why", [sentence for sentence in causes if sentence])
    steps = _steps(failure, match, inputs, findings)
    steps += closing(failure, steps, inputs)
    if findings:
        steps += [Step(f"or {step.why}", step.command) for step in findings[0].remedy if step.alternative]
    fix = [
        line for step in steps for line in (step.why, *([f"    {shell_line(step.command)}"] if step.command else []))
    ]
    yield from _column("fix", fix)


def _steps(
    failure: Failure, match: re.Match[str], inputs: FailureInputs, findings: Sequence[Finding]
) -> list[Step]:  # fmt: skip
    """The fix of the finding that causes it, else what was found for this output, else the failure's own."""
    if findings and findings[0].remedy:
        return [Step(step.why, step.command) for step in findings[0].remedy if not step.alternative]
    looked = list(failure.look(match, inputs)) if failure.look else []
    return looked or [
        Step(step.why, command) for step in failure.fix if (command := filled(step, match, inputs)) is not None
    ]


def place_of_failure(output: str, inputs: FailureInputs) -> str:
    """The revision and the script's line that failed; '' if the output does not tell."""
    place = script_place(output, inputs.scripts)
    if place is not None:
        revision = place.revision or begun(output)
        return f"revision {revision}, {place} ({place.function})" if revision else f"{place} ({place.function})"
    revision = begun(output)
    return f"in revision {revision}" if revision else ""


def before_first(output: str, inputs: FailureInputs) -> str:
    """That no migration was begun, if the output shows it; else ''."""
    is_run = bool({"upgrade", "downgrade"} & {*inputs.arguments})
    return "it failed before its first revision: no migration was begun" if is_run and is_before_first(output) else ""


def _column(title: str, texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield f"  {'' if number else title:<5}  {text}"


def _findings(failure: Failure, match: re.Match[str], inputs: FailureInputs) -> list[Finding]:
    """The findings that cause it; if the failure names a revision, those about that revision come first."""
    if inputs.evidence is None or not failure.rules:
        return []
    judged, _ = judge([rule for rule in RULES if rule.id in failure.rules], inputs.evidence)
    tables = {name.rpartition(".")[2] for group, name in groups(match).items() if group.startswith("table")}
    findings = [each for each in judged if not tables or _is_about(each, tables)]
    revision = groups(match).get("revision", "")

    def order(finding: Finding) -> tuple[bool, int]:
        return bool(revision) and revision not in (finding.subject.revision, finding.message), failure.rules.index(
            finding.rule
        )

    return sorted(findings, key=order)[:_MOST]


def _is_about(finding: Finding, tables: set[str]) -> bool:
    """False for a first revision that changes other tables than those that the output names."""
    return finding.rule != "MIG309" or not tables.isdisjoint(finding.facts["tables"])


def filled(step: Step, found: re.Match[str], inputs: FailureInputs) -> tuple[str, ...] | None:
    """The step's command with its placeholders filled in; None if one has no value."""
    values: dict[str, Sequence[str]] = {name: [value] for name, value in groups(found).items()}
    values |= {
        "compose": inputs.target.commands.compose,
        "service": [inputs.target.service],
        "image": [inputs.target.image],
    }
    services = inputs.target.model.services if inputs.target.model else {}
    if "host" in values and values["host"][0] not in services:
        del values["host"]
    words: list[str] = []
    for word in step.command:
        names = re.findall(r"\{(\w+)\}", word)
        if any(name not in values for name in names):
            return None
        if word == f"{{{''.join(names[:1])}}}":
            words += values[names[0]]
        else:
            words.append(re.sub(r"\{(\w+)\}", lambda name: values[name[1]][0], word))
    return _of_this_call(words, inputs)


def _of_this_call(words: Sequence[str], inputs: FailureInputs) -> tuple[str, ...]:
    """A command with the options of this call."""
    if words[:1] != ["migops"]:
        return tuple(words)
    commands, (name, *rest) = inputs.target.commands, words[1:]
    if name == "alembic":
        return commands.alembic(*rest)
    return commands.migops(name, *rest, service="" if name in ("config", *BARE) else None)
