"""Reads what the plan needs beside the findings: which commands work here, and what git follows."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.plan.make import Surroundings
from migops.core.model import Absent, Action, Finding, PlaceName, Remedy, Unknown
from migops.core.printed import Commands, again
from migops.rules.database_remedies import alembic, can_back_up
from migops.sources.database_state import DatabaseState
from migops.target import Target

_REFUSED = ("MIG602", "MIG107", "MIG209", "MIG210")
"""Rules whose findings a deploy refuses to work with, until an option or an edit settles them."""
_UNCOMMITTED = "MIG702"


def surroundings(
    target: Target,
    evidence: Evidence,
    findings: Sequence[Finding],
    needed: Sequence[PlaceName],
    *,
    has_engine: bool = True,
    fixable: Callable[[], frozenset[str]] = frozenset,
) -> Surroundings:
    """What stands around the findings of this target.

    ``has_engine``: this call may use Docker; ``fixable``: tells the rules whose findings ``doctor --fix`` edits.
    """
    commands = target.commands
    is_running = any(not each.one_off for each in evidence.containers)
    deploy = _deploy(evidence, findings)
    return Surroundings(
        verbose=tuple(shlex.split(again("-v", command="doctor"))),
        fix=commands.migops("doctor", "--fix", *(() if has_engine else ("--no-engine",))) if target.model else (),
        fixable=fixable,
        explain=Commands().bare("explain"),
        build=commands.build(),
        up=commands.up() if commands.compose else (),
        upgrades=tuple(alembic(evidence, "upgrade", head) for head in ("head", "heads")) if commands.compose else (),
        deploy=deploy,
        has_git=evidence.chain.held(PlaceName.GIT) is not None,
        is_running=is_running,
        commit=_commit,
        in_image=lambda file: _is_copied(target, Path(file)),
        unknown=_unknown(evidence, needed) or _deleted(evidence, findings),
        unread=_unread(evidence, needed),
        start=_start(evidence, deploy),
    )


def _deploy(evidence: Evidence, findings: Sequence[Finding]) -> tuple[str, ...]:
    """The deploy, where it can work: a compose project, and a database that it reads and can back up."""
    refused = any(finding.rule in _REFUSED for finding in findings)
    if refused or not evidence.commands.compose or not isinstance(evidence.database, DatabaseState):
        return ()
    return evidence.commands.migops("rebuild-and-migrate") if can_back_up(evidence) else ()


def _unknown(evidence: Evidence, needed: Sequence[PlaceName]) -> Remedy | None:
    """The edit or the command that makes the first unknown place readable, if one is known."""
    for place in needed:
        reading = evidence.reading(place)
        if isinstance(reading, Unknown) and reading.edit:
            return Remedy(reading.edit, at=reading.at, action=Action.EDIT)
        if isinstance(reading, Unknown) and reading.command:
            return Remedy(f"then the {place.value} can be read, and the plan is complete", reading.command)
    return None


def _deleted(evidence: Evidence, findings: Sequence[Finding]) -> Remedy | None:
    """The command that brings the scripts back, where the host has none because they are deleted there."""
    if not _is_empty(evidence):
        return None
    back = [step for each in findings if each.rule == _UNCOMMITTED for step in each.remedy if "restore" in step.command]
    return Remedy("the scripts are deleted here, not in git: this brings them back", back[0].command) if back else None


def _is_empty(evidence: Evidence) -> bool:
    host = evidence.chain.held(PlaceName.HOST)
    return host is not None and not host.scripts and not host.bytecode


def _unread(evidence: Evidence, needed: Sequence[PlaceName]) -> str:
    """What to do about the first needed place that was not read."""
    for place in needed:
        reading = evidence.reading(place)
        if isinstance(reading, Unknown) and reading.hint:
            return reading.hint
    if _is_empty(evidence) and evidence.commands.compose:
        first = shlex.join(evidence.commands.alembic("revision", "--autogenerate", "-m", "first revision"))
        return f"write the first revision from the models, with `{first}`"
    return ""


def _start(evidence: Evidence, deploy: tuple[str, ...]) -> Remedy | None:
    """How a service is started that is in order and has no container."""
    is_absent = isinstance(evidence.chain.places.get(PlaceName.CONTAINER), Absent)
    if not is_absent or evidence.image is None or not evidence.commands.compose:
        return None
    return Remedy("no container runs yet; start it", deploy or evidence.commands.up())


def _commit(files: Sequence[str]) -> Remedy | None:
    from migops.sources.git_commit import commit_of  # only a plan with edits asks git

    return commit_of([Path(file) for file in files], Path.cwd())


def _is_copied(target: Target, file: Path) -> bool:
    """True for a file below the build context that is not a compose file."""
    service = target.model.services.get(target.service) if target.model else None
    if service is None or service.build is None or service.build.is_remote:
        return False
    is_compose = target.model is not None and str(file) in {str(each) for each in target.model.files}
    return Path(service.build.context) in file.parents and not is_compose
