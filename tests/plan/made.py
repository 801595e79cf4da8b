"""Findings as rules make them, for tests of the plan."""

from __future__ import annotations

from migops.commands.plan import Surroundings, make
from migops.core.location import Location
from migops.core.model import Action, Finding, Plan, Remedy, Severity, Subject
from migops.core.printed import Commands

COMMANDS = Commands("app", ("docker", "compose", "-f", "prod.yml"))
BUILD = Remedy("rebuild", COMMANDS.build())
UP = Remedy("recreate the container", COMMANDS.up())
START = Remedy("start the server", COMMANDS.up(service="db"), action=Action.START)
UPGRADE = Remedy("apply what is pending", COMMANDS.alembic("upgrade", "head"))
ADOPT = Remedy("find the revision", COMMANDS.adopt())
MERGE = Remedy("write a merge revision", COMMANDS.alembic("merge", "-m", "merge heads", "a", "b"))
RESCUE = Remedy("copy it to the host", COMMANDS.rescue())
PULL = Remedy("update the host", ("git", "-C", "/shop", "pull", "--ff-only"))
SEARCH = Remedy("find the commits", ("git", "log", "--all", "-Sabc"))
DEPLOY = COMMANDS.migops("rebuild-and-migrate")
INI = Location("/shop/alembic.ini", 5)
EDIT = Remedy("delete the line", at=INI)
OR = Remedy("or leave it", alternative=True)
COMMIT = ("git", "commit", "-m", "Fix alembic.ini", "--", "alembic.ini")


def finding(rule: str, *remedy: Remedy, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule, rule.lower(), severity, Subject(), f"{rule} is found", "its cause", remedy=remedy)


def warning(rule: str, *remedy: Remedy) -> Finding:
    return finding(rule, *remedy, severity=Severity.WARNING)


AROUND = Surroundings(
    verbose=COMMANDS.migops("doctor", "-v"),
    explain=COMMANDS.bare("explain"),
    build=COMMANDS.build(),
    up=COMMANDS.up(),
    upgrades=(COMMANDS.alembic("upgrade", "head"), COMMANDS.alembic("upgrade", "heads")),
    deploy=DEPLOY,
    is_running=True,
    commit=lambda files: Remedy("", COMMIT) if "/shop/alembic.ini" in files else None,
    in_image=lambda file: file.startswith("/shop/"),
)
"""A running compose project in a git repository, with a database that can be backed up."""


def plan(*findings: Finding, around: Surroundings = AROUND, fail_on: Severity = Severity.ERROR) -> Plan:
    return make(findings, fail_on, around)


def done(*findings: Finding, around: Surroundings = AROUND) -> list[tuple[str, ...] | str]:
    """The steps in order, each as its command, or its text."""
    return [step.command or step.why for step in plan(*findings, around=around).steps]
