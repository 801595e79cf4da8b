"""Answers of ``migops config`` in lines: names, origins of values, differences to docker compose."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from migops.compose import Project
from migops.compose.render import image_names, service_names, volume_names
from migops.core.terminal import printable

if TYPE_CHECKING:
    from migops.commands.config import Explanation, Verification
    from migops.output import View


def services(project: Project, view: View) -> str:
    """The names of the services, a line each."""
    return _lines(service_names(project))


def images(project: Project, view: View) -> str:
    """The images of the services, a line each."""
    return _lines(image_names(project))


def volumes(project: Project, view: View) -> str:
    """The keys of the volumes in use, a line each."""
    return _lines(volume_names(project))


def explanation(result: Explanation, view: View) -> str:
    """Each value with its file and line, and the places of the values that it replaces."""
    lines = []
    for origin in result.origins:
        value = json.dumps(origin.value, ensure_ascii=False, default=str)
        lines += [printable(f"{origin.path} = {value}"), f"    from     {_place(origin.location, result.project)}"]
        lines += [f"    replaces {_place(location, result.project)}" for location in origin.replaced]
    return _lines(lines)


def differences(result: Verification, view: View) -> str:
    """The values that docker compose reads differently."""
    if not result.differences:
        return "docker compose and migops read this project in the same way\n"
    lines = []
    for difference in result.differences:
        note = "" if difference.matters else "   (migops does not use it)"
        lines += [
            f"{'.'.join(difference.path)}{note}",
            f"    migops:  {difference.ours if difference.ours is not None else '(missing)'}",
            f"    compose: {difference.theirs if difference.theirs is not None else '(missing)'}",
        ]
    return _lines(map(printable, lines))


def _place(location: object, project: Project) -> str:
    return printable(str(location).removeprefix(f"{project.directory}/"))


def _lines(lines: Iterable[str]) -> str:
    """The lines as text; '' where there is none, or one that is empty."""
    text = "\n".join(lines)
    return f"{text}\n" if text else ""
