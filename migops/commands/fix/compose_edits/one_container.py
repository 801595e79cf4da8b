"""Fixers of MIG808 and MIG809: a container's fixed name, and a port that a proxy stands in front of, are removed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from migops.analysis.evidence import Evidence
from migops.commands.fix.compose_edits import places
from migops.commands.fix.compose_edits.draft import Draft, Source
from migops.commands.fix.compose_edits.nodes import Node, NotEditable
from migops.commands.fix.compose_edits.same_model import applied_by, prove
from migops.commands.fix.model import Fix
from migops.compose import Project
from migops.core.location import Location
from migops.core.model import Finding

_VERBS = "exec|logs|cp|restart|stop|start|kill|inspect|attach|top|port|stats|rm|wait|commit|rename|export"
_HERE = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal|\[::1\])"
_NOT_RUN = frozenset({".md", ".rst", ".txt", ".lock", ".svg", ".csv", ".ipynb", ".pyc"})
_SKIPPED = frozenset({"node_modules", "venv", "__pycache__", "site-packages", "dist"})
_LARGEST = 200_000  # bytes of a file
_MOST = 20_000  # files


def no_container_name(evidence: Evidence, finding: Finding, project: Project) -> Fix:
    """Remove ``container_name``, unless a file of the project uses the name."""
    service, name = str(finding.facts["service"]), str(finding.facts["container_name"])
    draft = Draft()
    source, key, value = places.key_of(draft, project, service, "container_name")
    _refuse_use(project, _use_of(name, service), f"the name {name}", (f"{source.path}:{key.line}",), ())
    _remove_lines(source, key, value)
    prove(project, draft.contents(), {service}, lambda services: services[service].pop("container_name"))
    title = f"{service} has no container_name any more, so that it can have several containers"
    return Fix(finding.rule, title, draft.edits(), by_name_only=True, note=applied_by(evidence, [service]))


def no_fixed_port(evidence: Evidence, finding: Finding, project: Project) -> Fix:
    """Remove a published port, unless a file of the project uses it on this machine."""
    service, published = str(finding.facts["service"]), str(finding.facts["published"])
    target = int(str(finding.facts["target"]))
    inside = [file for file in project.files if Path(file).is_file()]  # there, localhost is the container itself
    _refuse_use(project, re.compile(rf"{_HERE}:{published}(?!\d)"), f"port {published}", (), inside)
    draft = Draft()
    source, key, ports = places.key_of(draft, project, service, "ports")
    if ports.kind != "seq" or len(ports.items) != len(project.services[service].ports):
        raise NotEditable(f"the ports of {service} are not all written in one list, a port each")
    index = next(number for number, port in enumerate(project.services[service].ports)
                 if (str(port.get("published")), port.get("target")) == (published, target))  # fmt: skip
    _remove_item(source, key, ports, index)

    def intended(services: dict[str, Any]) -> None:
        del services[service]["ports"][index]
        if not services[service]["ports"]:
            del services[service]["ports"]

    prove(project, draft.contents(), {service}, intended)
    title = f"{service} publishes port {published} no more; {finding.facts['proxy']} passes requests on to it"
    return Fix(finding.rule, title, draft.edits(), by_name_only=True, note=applied_by(evidence, [service]))


def _remove_lines(source: Source, key: Node, value: Node) -> None:
    """Remove an entry of a mapping in block style, with the comment behind it."""
    end = max(key.end, value.end if value.start > key.start else 0)
    start, after = source.line_start(key.start), source.line_end(end - 1)
    rest = source.text[end:after].strip().lstrip(":").strip()
    if value.start < key.start or source.text[start : key.start].strip() or (rest and not rest.startswith("#")):
        raise NotEditable(f"{source.path.name}:{key.line} is not a line of its own")
    if any(node.items == [key, value] for root in source.roots for node in root.walk()):
        raise NotEditable(f"{source.path.name}:{key.line} is all that this file says of the service")
    source.change(start, after, "")


def _remove_item(source: Source, key: Node, ports: Node, index: int) -> None:
    if len(ports.items) == 1:
        _remove_lines(source, key, ports)
        return
    item = ports.items[index]
    if ports.flow:
        last = index == len(ports.items) - 1
        start = ports.items[index - 1].end if last else item.start
        source.change(start, item.end if last else ports.items[index + 1].start, "")
        return
    start, after = source.line_start(item.start), source.line_end(max(item.end - 1, item.start))
    if source.text[start : item.start].strip() != "-":
        raise NotEditable(f"{source.path.name}:{item.line} is not a line of its own")
    source.change(start, after, "")


def _use_of(name: str, service: str) -> re.Pattern[str]:
    """What uses a container's name. A name that the service has as well still works as a host name."""
    word = rf"(?<![\w.-]){re.escape(name)}(?![\w-])"
    if name != service:
        return re.compile(word)
    return re.compile(rf"\b(?:docker|podman)\s+(?:container\s+)?(?:{_VERBS})\b[^\n]*{word}|container:{word}")


def _refuse_use(
    project: Project, pattern: re.Pattern[str], used: str, own: Collection[str], inside: Collection[str]
) -> None:
    """Raise ``NotEditable`` if a file uses it, in a line other than its ``own`` and in no file of ``inside``."""
    for count, path in enumerate(_files(project)):
        if count >= _MOST:
            raise NotEditable(f"the project has more than {_MOST} files, so it is not known who uses {used}")
        if str(path) in inside:
            continue
        for number, line in enumerate(_lines(path), 1):
            if pattern.search(line) and f"{path.resolve()}:{number}" not in own:
                raise NotEditable(f"{Location(str(path), number)} uses {used}")


def _files(project: Project) -> Iterator[Path]:
    yield from (Path(file) for file in project.files if not Path(file).is_relative_to(project.directory))
    for folder, below, files in os.walk(project.directory):
        below[:] = sorted(each for each in below if each not in _SKIPPED and each not in (".git", ".venv", ".tox"))
        yield from (Path(folder, each) for each in sorted(files) if Path(each).suffix not in _NOT_RUN)


def _lines(path: Path) -> list[str]:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        return path.read_bytes().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []  # no text that a person or a shell would read
