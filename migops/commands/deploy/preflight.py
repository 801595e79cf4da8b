"""What a rebuild cannot mend is refused before anything is done."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from migops.analysis.database_position import DatabasePosition
from migops.analysis.evidence import Evidence
from migops.commands import backup
from migops.commands.deploy import discard, starts
from migops.commands.deploy.commands import Words
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.commands.deploy.typed import typed
from migops.compose import ComposeOptions, Project
from migops.compose.verify import Difference, command_line, verify
from migops.core.errors import Aborted, MigopsError, Unavailable
from migops.core.model import Finding, PlaceName, Remedy, Severity, Skipped, Unknown
from migops.core.printed import explain
from migops.core.process import CommandError, run
from migops.core.redaction import redact
from migops.core.redaction.naming import says_secret
from migops.core.terminal import shell_line
from migops.core.text import counted, listed
from migops.rules import RULES, judge
from migops.rules.application import after_build
from migops.rules.database_remedies import can_adopt
from migops.rules.remedies import unsettled
from migops.runner.command_lines import SAY_HOW, no_program

_BROKEN = ("MIG301", "MIG302", "MIG303", "MIG304", "MIG306", "MIG501", "MIG502")
"""Rules on the host's own history and configuration: the build would only bring the fault along."""
_ONLY_THERE = ("MIG205",)
"""Rules on what would be lost when a container is created anew."""
_LEFT_OUT = ("MIG104", "MIG004")
"""Rules on scripts that do not get into the image."""
_NAMED = 4  # scripts that a message names
OLDEST = (2, 17)  # the first compose whose `run` and `up` have the options that a deploy needs


def compose_cli() -> Words:
    """The words that call a compose CLI that is new enough to act with.

    Raises MigopsError (2) where there is only an older one: docker-compose 1.x dies in the middle of a recreate with
    newer engines, so it is refused before anything changes.
    """
    old: list[str] = []
    for words in (("docker", "compose"), ("docker-compose",)):
        try:
            answer = run([*words, "version", "--short"], check=False, timeout=20).stdout.decode(errors="replace")
        except CommandError:
            continue
        version = re.search(r"(\d+)\.(\d+)", answer)
        if version and (int(version[1]), int(version[2])) >= OLDEST:
            return words
        if version:
            old.append(f"{' '.join(words)} {answer.strip()}")
    if old:
        raise MigopsError(
            f"{' and '.join(old)} cannot be deployed with: docker-compose 1.x dies when it recreates a container on "
            "a newer engine (KeyError: 'ContainerConfig')",
            hint="install docker's compose plugin, 2.17 or newer; reading commands such as check-image work without",
        )
    raise Unavailable("there is no compose CLI to build and start with", hint="install docker's compose plugin")


def same_project(project: Project, options: ComposeOptions, cwd: Path, program: Words) -> None:
    """See that compose reads the project as we do, in all that a deploy goes by.

    Raises MigopsError (2) naming the first differences where it does not: then nothing that we plan would hold.
    """
    if "-" in project.files:
        raise MigopsError("a compose file from standard input cannot be read a second time", hint="name a file: -f")
    differing = [each for each in verify(project, options, cwd, program) if each.matters]
    if differing:
        shown = "; ".join(
            f"{'.'.join(each.path)}: migops {_shown(each, each.ours)}, compose {_shown(each, each.theirs)}"
            for each in differing[:3]
        )
        line = shlex.join(command_line(options, program))
        raise MigopsError(
            f"docker compose and migops read this project differently: {shown}",
            hint=f"compare with `{line}`; please report it, and deploy by hand",
        )


def _shown(difference: Difference, value: str | None) -> str:
    """What one side has; not so where it is a secret."""
    return "***" if value and says_secret(difference.path[-1]) else redact(value or "nothing")


def refuse(inputs: DeployInputs, options: Options) -> None:
    """Raise ``Aborted`` for the first thing that stands in the way of a deploy, with the way out."""
    _history(inputs)
    _unsettled(inputs)
    _trapped(inputs, options)
    _left_out(inputs, options)
    covered(inputs.evidence)
    if inputs.service.build is None:  # a build may bring it
        has_program(inputs.evidence)
    _database(inputs)
    starting(inputs, options)
    _backup(inputs, options)


def _history(inputs: DeployInputs) -> None:
    if not inputs.history.revisions:
        raise Aborted(
            f"there are no migrations in {', '.join(inputs.host.location)}: a new image could not be verified",
            hint=_baseline(inputs),
        )
    findings, _ = judge([rule for rule in RULES if rule.id in _BROKEN], inputs.evidence)
    host = PlaceName.HOST.value
    for finding in findings:
        if host in finding.facts.get("places", ()) and finding.severity is Severity.ERROR:
            raise of_finding(finding, "the build would copy this fault into the image")


def _unsettled(inputs: DeployInputs) -> None:
    """Scripts that only the image has and that are not known as given up: the host may be behind."""
    names, why = unsettled(inputs.evidence)
    if names and inputs.builder(inputs.target.service):
        findings, _ = judge([rule for rule in RULES if rule.id == "MIG001"], inputs.evidence)
        hints = [finding for finding in findings if finding.remedy]
        raise Aborted(
            f"the image that is there has {names}, which the host lacks: {why}, and a build would remove it",
            commands=_commands(hints[0].remedy) if hints else (),
            hint=f"see where it belongs: `{inputs.evidence.commands.say('status')}`",
        )


def _trapped(inputs: DeployInputs, options: Options) -> None:
    """A revision that exists in a container only is lost at the next recreate, unless it is given up by name."""
    findings, _ = judge([rule for rule in RULES if rule.id in _ONLY_THERE], inputs.evidence)
    discard.refuse(inputs, options.discard, findings)
    for finding in findings:
        if finding.subject.revision in options.discard:
            continue
        error = of_finding(finding, "recreating the container would lose it")
        ways = [shell_line(step.command) for step in finding.remedy if "--discard" in step.command]
        error.hint = "; ".join(
            (*([error.hint] if error.hint else ()), *(f"or discard it (it is saved first): {way}" for way in ways))
        )
        raise error


def covered(evidence: Evidence) -> None:
    """What the compose file lays over the migrations would lie over those of the new image as well."""
    for each in evidence.hidden:
        what = f"a {each.kind}" if each.kind == "tmpfs" else f"the {each.kind} {each.source}"
        raise Aborted(
            f"{what} lies over {each.target} in every container of {evidence.commands.service}, so Alembic does not "
            f"see the image's migrations there: {listed(each.names[:_NAMED])}",
            at=each.at, hint=f"take it out of the compose file ({each.at}), then run this again",
        )  # fmt: skip


def has_program(evidence: Evidence) -> None:
    """Raise ``Aborted`` if the image does not have the program by which Alembic is called."""
    found = evidence.program
    if found is None or not found.is_missing:
        return
    raise Aborted(no_program(found.name, evidence.commands.image or "the image", found.looked), hint=SAY_HOW)


def one_configuration(evidence: Evidence) -> None:
    """Every call of Alembic in the new containers reads the migrations that are compared, or the host's for it."""
    for each in evidence.configurations:
        raise Aborted(
            f"{each.by} in {each.where} reads {each.config}, whose migrations differ from the host: "
            f"{listed(each.names[:_NAMED])}",
            hint=f"see MIG211 other-configuration: {explain('MIG211')}",
        )


def _database(inputs: DeployInputs) -> None:
    """The database, where it could be asked; one that does not run yet is asked again when it does."""
    if inputs.position is not None:
        database(inputs.position, inputs.evidence)
    elif isinstance(inputs.evidence.database, Unknown) and not inputs.database_service:
        hint = inputs.evidence.database.hint
        if "--wait" in hint:  # that is for a database which the deploy itself starts
            hint = "nothing was changed; check that the database is up and reachable from here, then run this again"
        raise Unavailable(inputs.evidence.database.reason, hint=hint)


def _backup(inputs: DeployInputs, options: Options) -> None:
    """That a backup can be taken, where one will be: better told now than after the build."""
    asked, found = inputs.question, inputs.position
    if not options.backup or found is None or found.state.is_fresh or not found.pending or asked.engine is None:
        return
    try:
        backup.find(asked, asked.engine())
    except MigopsError as error:
        raise Aborted(f"no backup can be taken: {error.message}", at=error.at, hint=error.hint) from None


def database(position: DatabasePosition, evidence: Evidence) -> None:
    """Raise ``Aborted`` where the host's history cannot take this database on."""
    state, say = position.state, evidence.commands.say
    if position.unknown:
        raise Aborted(
            f"the database is at {listed(position.unknown)}, which no script of the host (or anywhere) has",
            hint="the host is behind (git pull), or it is another project's database; "
            f"`{say('status')}` shows the places",
        )
    if position.ahead_rows:
        held = {name for row in position.ahead_rows for name in position.holders.get(row, ())}
        raise Aborted(
            f"the database is at {listed(position.ahead_rows)}, which the host does not have "
            f"({listed(sorted(held))} has it)",
            hint=f"bring the script to the host (git pull, git restore, `{say('rescue')}`); or, if the migration is "
            "abandoned, downgrade below it with the image that has it",
        )
    if not position.is_known:
        tables = counted(len(state.tables), "table")
        raise Aborted(
            f"the database has {tables} but no recorded revision: it is not known which migrations were applied",
            hint=_adopt(evidence),
        )
    if position.redundant_rows:
        old, new = next(iter(position.redundant_rows.items()))
        raise Aborted(
            f"the version table has the row {old} beside {new}, which already includes it: every upgrade fails on that",
            hint=f"`{say('status')}` shows how to fix the rows (MIG405)",
        )


def _adopt(evidence: Evidence) -> str:
    """How a database without a revision gets one, where migops can find it."""
    if can_adopt(evidence):
        return f"`{evidence.commands.say('adopt')}` finds the revision whose schema it has, verifies it and stamps it"
    return f"`{evidence.commands.say('status')}` shows how to find its revision (MIG401)"


def _baseline(inputs: DeployInputs) -> str:
    """How the first migration is written."""
    if can_adopt(inputs.evidence):
        return f"if the first migration is still to be written: `{inputs.evidence.commands.say('adopt', '--baseline')}`"
    return "if the first migration is still to be written: from the models, against an empty database"


def starting(inputs: DeployInputs, options: Options, *, built: bool = False) -> None:
    """Raise ``Aborted`` where a start migrates by itself and is not proved to have nothing left to do then: by what a
    build makes of it, or by the image where that is the ``built`` one."""
    for start in () if options.accept_migrating else starts.refused(inputs, built=built):
        raise Aborted(
            f"{start}; {start.means}",
            hint=f"remove the {start.command} from the startup; or accept it, with --accept-migrating-entrypoint",
            commands=[typed(inputs, replace(options, accept_migrating=True))],
        )


def untold_starts(inputs: DeployInputs) -> Iterator[str]:
    """What of the members' starts could not be followed, with the reason: it may migrate as well."""
    return (skipped.reason for skipped in _starts(inputs, built=False)[1])


def _starts(inputs: DeployInputs, built: bool) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """MIG602 on the members: by what a build makes of them; by the image where that is the one just built."""
    names = {each.name for each in inputs.services}
    evidence = inputs.evidence if built else after_build(inputs.evidence)
    theirs = {
        place: tuple(each for each in found if each.service in names) if isinstance(found, tuple) else found
        for place, found in evidence.startups.items() if not built or place is PlaceName.IMAGE
    }  # fmt: skip
    return judge([rule for rule in RULES if rule.id == "MIG602"], replace(evidence, startups=theirs))


def _left_out(inputs: DeployInputs, options: Options) -> None:
    """Scripts that the build would leave out again, so that its image could only be refused afterwards."""
    if not inputs.builder(inputs.target.service):
        return
    findings, _ = judge([rule for rule in RULES if rule.id in _LEFT_OUT], inputs.evidence)
    lacking = inputs.evidence.not_copied or inputs.evidence.exclusions
    for finding in findings if lacking else ():
        edits = [step.why for step in finding.remedy if not step.command and not step.alternative]
        raise Aborted(
            f"{finding.rule} {finding.name}: {finding.message} ({finding.cause}); the build would leave them out again",
            hint="; ".join((*edits, "then run this again")), commands=[typed(inputs, options)],
        )  # fmt: skip


def of_finding(finding: Finding, why: str) -> Aborted:
    """A finding as the reason to stop: its remedy is the way out."""
    texts = [step.why for step in finding.remedy if not step.command and not step.alternative]
    return Aborted(
        f"{finding.rule} {finding.name}: {finding.message} ({finding.cause}); {why}",
        commands=_commands(finding.remedy), hint="; ".join(texts),
    )  # fmt: skip


def _commands(steps: Sequence[Remedy]) -> list[tuple[str, ...]]:
    return [step.command for step in steps if step.command and not step.alternative]
