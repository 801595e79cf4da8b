"""Fixer of MIG602: the migration leaves the start of a service for a service of its own, which runs once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migops.analysis.evidence import Evidence
from migops.commands.fix.compose_edits import places
from migops.commands.fix.compose_edits.depends import wait_for
from migops.commands.fix.compose_edits.draft import Draft, Source
from migops.commands.fix.compose_edits.insert import Block, lines
from migops.commands.fix.compose_edits.nodes import Node, NotEditable
from migops.commands.fix.compose_edits.same_model import applied_by, prove
from migops.commands.fix.model import Fix
from migops.compose import Project, Service
from migops.core.model import Finding
from migops.core.text import listed
from migops.rules.application import startups_of
from migops.rules.compose_file import COMPLETED, HEALTHY, servers_of, waits

NAME = "migrate"
_SHELL = re.compile(r"(?:/(?:usr/)?bin/)?(?:sh|bash|dash|ash)")
_SCRIPT = re.compile(
    r"""\s*(?P<upgrade>[^;&|<>$`"'\\\n(){}#:]+?)\s*(?:&&|;|\n)\s*(?P<rest>[^;&|<>`\n]+?)\s*""", re.DOTALL
)
"""An upgrade and one more command. Whatever else a script does, it does not match."""
_LEFT_OUT: Block = {
    "ports": "[]", "labels": "{}", "deploy": "{}", "develop": "{}", "healthcheck": "{disable: true}",
    "scale": "1", "post_start": "[]", "pre_stop": "[]",
}  # fmt: skip
"""Keys that the one-shot service must not take over, and what stands there instead."""
_EMPTY: dict[str, Any] = {
    "healthcheck": {"disable": True}, "deploy": {"resources": {}, "placement": {}}, "develop": {},
    "scale": 1,
}  # fmt: skip
"""What the model has for them; the others are not in it."""


_OWN = frozenset({"aliases", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address"})
"""Of a network: two services with them get each other's requests, or the second one does not start."""


@dataclass(frozen=True, slots=True)
class Start:
    """A start that migrates: the key that has it, its upgrade, and the script without it."""

    key: str
    upgrade: str
    script: str
    rest: str


def one_shot(evidence: Evidence, finding: Finding, project: Project) -> Fix:
    """Move the upgrade into a service of its own, and let the others wait until it has completed."""
    service = _service(finding, project)
    start = _start(finding, service)
    for server in servers_of(evidence):
        if not waits(project, service.name, server.name, HEALTHY):
            raise NotEditable(
                f"{NAME} would start before {server.name} is ready: first let {service.name} wait for it (MIG801)"
            )
    if any(NAME in names for names in (project.services, project.inactive)):
        raise NotEditable(f"there is a service {NAME} already")
    followers = list(_followers(evidence, project, service))
    draft = Draft()
    _remove(draft, project, service, start)
    for name in followers:
        wait_for(draft, project, name, NAME, COMPLETED)
    left_out = {key: value for key, value in _LEFT_OUT.items() if service.raw.get(key)}
    _add_service(draft, project, service, start, left_out)

    def intended(services: dict[str, Any]) -> None:
        app = services[service.name]
        services[NAME] = _expected(app, service, start, left_out)
        app[start.key] = [start.rest if word == start.script else word for word in app[start.key]]
        for name in followers:
            entry = {"condition": COMPLETED, "required": True}
            services[name].setdefault("depends_on", {})[NAME] = entry

    prove(project, draft.contents(), {NAME, *followers}, intended)
    wait = f"{listed(followers)} {'waits' if len(followers) == 1 else 'wait'} for it"
    title = f"`{start.upgrade}` moves from {service.name} into a one-shot service {NAME}, and {wait}"
    note = applied_by(evidence, (NAME, *followers))
    return Fix(finding.rule, title, draft.edits(), by_name_only=True, note=note)


def _service(finding: Finding, project: Project) -> Service:
    names = [str(each) for each in finding.facts["services"]]
    if finding.facts["place"] != "compose file":
        raise NotEditable(f"the upgrade is in {finding.facts['file']}, not in the compose file")
    if len(names) != 1 or names[0] not in project.services:
        raise NotEditable(f"{listed(names)} start with the same lines")
    if finding.facts["condition"]:
        raise NotEditable(f"the upgrade runs only under `{finding.facts['condition']}`")
    service = project.services[names[0]]
    if service.pre_start:
        raise NotEditable(f"{service.name} has pre_start hooks")
    for name, network in (service.raw.get("networks") or {}).items():
        if own := sorted(_OWN & {*(network or {})}):
            raise NotEditable(f"{service.name} has {listed(own)} in {name}, which only one service can have")
    if service.raw.get("mac_address"):
        raise NotEditable(f"{service.name} has a mac_address, which only one service can have")
    return service


def _start(finding: Finding, service: Service) -> Start:
    """The start as a shell script of an upgrade and one more command. Raises ``NotEditable`` if it is anything else."""
    for key, words in (("entrypoint", service.entrypoint), ("command", service.command)):
        if not words or len(words) != 3 or not _SHELL.fullmatch(words[0]) or not re.fullmatch("-[eux]*c", words[1]):
            continue
        match = _SCRIPT.fullmatch(words[2])
        if match is None or match["upgrade"].split() != str(finding.facts["text"]).split():
            break
        if key == "entrypoint" and service.command:
            break
        return Start(key, " ".join(match["upgrade"].split()), words[2], words[2][match.start("rest") :])
    raise NotEditable(
        f'the start of {service.name} is not `sh -c "{finding.facts["text"]} && …"` with one more command'
    )


def _followers(evidence: Evidence, project: Project, service: Service) -> Iterator[str]:
    """The service, and those with the same code, unless the one-shot service itself needs them."""
    yield service.name
    for startup in startups_of(evidence):
        name = startup.service
        if name == service.name or name not in project.services or startup.one_shot:
            continue
        if not _needs(project, service.name, name) and not waits(project, name, service.name, COMPLETED):
            yield name


def _needs(project: Project, name: str, other: str, seen: frozenset[str] = frozenset()) -> bool:
    needed = project.services[name].depends_on if name in project.services and name not in seen else {}
    return other in needed or any(_needs(project, each, other, seen | {name}) for each in needed)


def _remove(draft: Draft, project: Project, service: Service, start: Start) -> None:
    """Take the upgrade out of the script, where it is written."""
    source, _, value = places.key_of(draft, project, service.name, start.key)
    item = value if value.kind == "scalar" else value.items[-1] if value.items else value
    words = r"\s+".join(re.escape(word) for word in start.upgrade.split())
    matches = list(re.finditer(rf"{words}\s*(?:&&|;|\n)\s*", source.text[item.start : item.end]))
    if item.kind != "scalar" or len(matches) != 1:
        raise NotEditable(f"`{start.upgrade}` was not found once in the {start.key} of {service.name}")
    source.change(item.start + matches[0].start(), item.start + matches[0].end(), "")


def _add_service(draft: Draft, project: Project, service: Service, start: Start, left_out: Block) -> None:
    source, key, definition = places.service(draft, project, service.name)
    if definition.flow or definition.start < key.end or not definition.items:
        raise NotEditable(f"{service.name} is written in flow style, or as an alias ({source.path.name}:{key.line})")
    needed: Block = {
        name: {"condition": each.condition, **({} if each.required else {"required": "false"})}
        for name, each in service.depends_on.items()
    }
    name = {"container_name": f"{service.container_name}-{NAME}"} if service.container_name else {}
    # One image for both: else a build of the application alone would leave the migrations of the other one stale.
    image = {} if service.image else {"image": f"${{COMPOSE_PROJECT_NAME}}-{service.name}"}
    keys: Block = {
        "<<": f"*{_anchor(source, key, definition)}",
        start.key: start.upgrade,
        **image,
        "restart": '"no"',
        **name,
        **left_out,
        "depends_on": needed or "{}",
    }
    added = lines({NAME: keys}, key.column, source.step())
    offset = source.after(definition, definition.items[0].column)
    blank = source.text[offset : source.line_end(offset)].strip() == "" and offset < len(source.text)
    source.insert_lines(offset, ["", *added] if blank else added)


def _anchor(source: Source, key: Node, definition: Node) -> str:
    """The anchor of the service's definition; a new one of the service's name if it has none."""
    if definition.anchor:
        return definition.anchor
    anchors = {node.anchor for root in source.roots for node in root.walk()}
    name = re.sub(r"[^\w-]", "-", key.value)
    name = name if name not in anchors else f"{name}-service"
    if name in anchors:
        raise NotEditable(f"there is an anchor &{name} already")
    at = source.text.index(":", key.end) + 1
    source.change(at, at, f" &{name}")
    return name


def _expected(app: dict[str, Any], service: Service, start: Start, left_out: Block) -> dict[str, Any]:
    """The one-shot service in the model: the application as it was, with another command, once."""
    made: dict[str, Any] = {key: value for key, value in app.items() if key not in left_out}
    if "depends_on" in app:
        made["depends_on"] = {name: dict(each) for name, each in app["depends_on"].items()}
    made |= {start.key: start.upgrade.split(), "restart": "no", "image": service.image_ref}
    made |= {key: value for key, value in _EMPTY.items() if key in left_out}
    if service.container_name:
        made["container_name"] = f"{service.container_name}-{NAME}"
    return made
