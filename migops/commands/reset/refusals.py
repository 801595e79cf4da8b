"""What a reset refuses, before anything is changed (exit code 5). Pure: the inputs tell it all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from migops.analysis.script_diff import renamed
from migops.commands.deploy import preflight
from migops.commands.reset.inputs import IGNORED, ResetInputs
from migops.core.errors import Aborted
from migops.core.model import PlaceName, Severity
from migops.core.text import first_few, listed
from migops.rules import RULES, judge
from migops.sources.git_status import GitStatus

_BROKEN = ("MIG501", "MIG502")
"""Faults of Alembic's configuration that a new first revision does not remove."""
_LOST = ("MIG205",)
_PRODUCTION = re.compile(r"(?:\w+_)?(?:ENV|ENVIRONMENT|STAGE)")
_NOT_MEANT = ("NODE_ENV", "RAILS_ENV")
"""They say how a program is built or run, and are set to ``production`` on development machines too."""
_MARKS = ("production", "prod", "live")
_NAMED = 4


def refuse(inputs: ResetInputs) -> None:
    """Raise ``Aborted`` for the first thing that stands in the way, with the way out."""
    for reason in _reasons(inputs):
        raise reason


def _reasons(inputs: ResetInputs) -> Iterator[Aborted]:
    yield from _production(inputs)
    yield from _server(inputs)
    yield from _sessions(inputs)
    yield from _history(inputs)
    yield from _scripts(inputs)
    yield from _elsewhere(inputs)
    yield from _configuration(inputs)


def _production(inputs: ResetInputs) -> Iterator[Aborted]:
    """A variable of the service in the compose files that says so literally: what an image or a file's name says does
    not count, since one image serves everywhere, and a copy of a production file is a usual development set-up."""
    for name, value in inputs.deploy.service.environment.items():
        is_mark = _PRODUCTION.fullmatch(name.upper()) and name.upper() not in _NOT_MEANT
        if is_mark and (value or "").strip().lower() in _MARKS:
            yield Aborted(
                f"{inputs.target.service} is marked as production ({name}={value}); reset is for development only",
                at=inputs.deploy.service.location,
                hint=f"on production: `{inputs.target.commands.say('doctor')}` says what is wrong; if this is a "
                "development machine, give it another value in its own compose file or .env",
            )


def _server(inputs: ResetInputs) -> Iterator[Aborted]:
    used = inputs.usage
    if used.ties:
        yield Aborted(
            f"{inputs.database} cannot be reset: {'; '.join(used.ties)}",
            hint="a development database has none of these; end what depends on it first",
        )
    if used.lacks:
        yield Aborted(f"{inputs.database} cannot be replaced: {'; '.join(used.lacks)}")
    if not inputs.properties.open:
        yield Aborted(
            f"connections to {inputs.database} are disabled: someone works on it, or a run of migops was killed",
            commands=[inputs.target.commands.log()],
        )


def _sessions(inputs: ResetInputs) -> Iterator[Aborted]:
    if inputs.sessions:
        yield Aborted(
            f"{inputs.database} is in use by others than this project's services: {listed(inputs.sessions)}",
            hint="close these sessions (or find out who depends on this database), then run this again",
        )


def _history(inputs: ResetInputs) -> Iterator[Aborted]:
    deployed, target = inputs.deploy, inputs.target
    if not deployed.builder(target.service):
        yield Aborted(
            f"nothing in this project builds the image of {target.service}, so no first revision gets into it",
            at=deployed.service.location, hint="run it where the image is built",
        )  # fmt: skip
    if target.many_heads:
        yield Aborted("this project has several heads on purpose (x-migops: {heads: many}): migops writes one revision")
    if len(deployed.host.location) > 1:
        yield Aborted(
            f"this project has several versions folders ({listed(deployed.host.location)}): migops supports one"
        )


def _scripts(inputs: ResetInputs) -> Iterator[Aborted]:
    """Every script that is replaced must be in git, so that the project keeps its history."""
    if links := [each for each in inputs.scripts if each.link]:
        yield Aborted(
            f"{links[0].name} in {inputs.folder} is a symlink to {links[0].link}, and the way back would make it a "
            "file of its own",
            hint="put the file itself into the folder, or remove the link, and commit that; then run this again",
        )
    if not os.access(inputs.folder, os.W_OK | os.X_OK):
        yield Aborted(
            f"{inputs.folder} cannot be written by this user, so the scripts cannot be replaced",
            hint="change its owner to this user, or run migops as its owner",
        )
    unsaved = [each for each in inputs.scripts if each.unsaved]
    if not unsaved:
        return
    what = first_few([f"{each.name} ({each.unsaved})" for each in unsaved], _NAMED)
    if any(each.unsaved.startswith("not in git") for each in unsaved):
        yield Aborted(
            f"{inputs.folder} is not in a git repository, so the scripts that a reset replaces are nowhere else",
            hint="put the project under version control first: git init, git add, git commit",
        )
    git = ("git", "-C", str(inputs.folder))
    names = tuple(each.name for each in unsaved)
    forced = ("-f",) if any(each.unsaved.startswith(IGNORED) for each in unsaved) else ()
    yield Aborted(
        f"the scripts that a reset replaces must be committed first: {what}",
        commands=[(*git, "add", *forced, "--", *names), (*git, "commit", "-m", "Keep the migrations", "--", *names)],
    )  # fmt: skip


def _elsewhere(inputs: ResetInputs) -> Iterator[Aborted]:
    """Scripts that neither host nor git has."""
    evidence = inputs.deploy.evidence
    for finding in judge([rule for rule in RULES if rule.id in _LOST], evidence)[0]:
        yield preflight.of_finding(finding, "a reset would lose it with the container")
    image = evidence.chain.held(PlaceName.IMAGE)
    if image is None:
        return
    alone = sorted(image.scripts.keys() - inputs.deploy.host.scripts.keys() - renamed(inputs.deploy.host, image).keys())
    kinds = {name: record.kind for name in alone if (record := evidence.git_records.get(name))}
    never = [name for name, kind in kinds.items() if kind in (GitStatus.NEVER, GitStatus.UNKNOWN, GitStatus.NO_GIT)]
    coming = [name for name, kind in kinds.items() if kind is GitStatus.UPSTREAM]
    if never:
        yield Aborted(
            f"the image of {inputs.target.service} has scripts that git does not know: {first_few(never, _NAMED)}",
            commands=[inputs.target.commands.rescue()],
            hint="copy them to the host and commit them first; or rebuild the image, if they are of no use",
        )
    if coming:
        yield Aborted(
            f"the host is behind: upstream has {first_few(coming, _NAMED)}", hint="git pull, then run this again"
        )


def _configuration(inputs: ResetInputs) -> Iterator[Aborted]:
    host = PlaceName.HOST.value
    for finding in judge([rule for rule in RULES if rule.id in _BROKEN], inputs.deploy.evidence)[0]:
        places = finding.facts.get("places", (host,))
        if finding.severity is Severity.ERROR and host in places:
            yield preflight.of_finding(finding, "Alembic could not write the first revision")
