"""A project as text: the JSON and YAML that ``docker compose config`` prints, and its lists of names."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from migops.compose.explain import explain
from migops.compose.model import Project
from migops.compose.scalars import resolve, sprint
from migops.core.errors import MigopsError


def to_json(project: Project) -> str:
    """Indented JSON with every ``$`` doubled, so that compose can read it back.

    Raises MigopsError, as compose does, for a ``build.ssh`` with a path, which its JSON cannot show.
    """
    if not project.interpolated:
        return _dumped(project)
    for service in project.services.values():
        if any(": " in key for key in service.raw.get("build", {}).get("ssh", [])):
            message = (
                "json: error calling MarshalJSON for type types.SSHKey: invalid character ':' after top-level value"
            )
            at = service.build.location if service.build else service.location
            raise MigopsError(message, at=at, hint="JSON has no form for build.ssh with a path; use --format yaml")
    return _dumped(project).replace("$", "$$")


def _dumped(project: Project) -> str:
    try:
        return _utf8(json.dumps(project.resolved, indent=2, ensure_ascii=False, allow_nan=False))
    except ValueError:
        (first, *_) = (one for one in explain(project.tree, "") if _is_endless(one.value))
        message = f"json: unsupported value: {sprint(first.value)}"
        hint = f"{first.path} has no form in JSON; use --format yaml"
        raise MigopsError(message, at=first.location, hint=hint) from None


def _utf8(text: str) -> str:
    """The text with bytes that are not UTF-8 (from the environment) as U+FFFD, as in compose."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def to_yaml(project: Project) -> str:
    """The project as YAML, ``x-*`` keys included; texts that YAML 1.2 would read as another type are quoted."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None if isinstance(resolve(value), str) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", _utf8(value), style=style)

    Dumper.add_representer(str, text)
    document = _with_extensions(project) if project.interpolated else project.resolved
    shown: str = yaml.dump(document, Dumper=Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True)
    return (shown.replace("$", "$$") if project.interpolated else shown).rstrip("\n")


def _with_extensions(project: Project) -> Mapping[str, Any]:
    services = {name: {**_set(service.raw), **service.extensions} for name, service in project.services.items()}
    used = {name for service in services.values() for name in service.get("models", {})}
    models = {name: model for name, model in project.models.items() if name in used}
    sections = {"models": models} if models else {}
    if "networks" in project.resolved:
        sections["networks"] = {
            key: {field: value for field, value in network.items() if value != {}}
            for key, network in project.resolved["networks"].items()
        }
    return {**project.resolved, "services": services, **sections, **project.extensions}


def _set(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service without the null and empty values that only JSON always shows."""
    shown = {key: value for key, value in service.items() if value is not None}
    if "deploy" in shown:
        shown["deploy"] = {key: value for key, value in shown["deploy"].items() if value != {}}
    if "develop" in shown and "watch" in shown["develop"]:
        triggers = [
            {key: value for key, value in trigger.items() if value != {"command": None}}
            for trigger in shown["develop"]["watch"]
        ]
        shown["develop"] = {**shown["develop"], "watch": triggers}
    return shown


def service_names(project: Project) -> list[str]:
    """The names of the active services, each after its dependencies."""
    ordered: dict[str, None] = {}
    waiting = sorted(project.services, reverse=True)
    opened: set[str] = set()
    while waiting:
        name = waiting[-1]
        needed = [] if name in opened else sorted(project.services[name].depends_on, reverse=True)
        opened.add(name)
        needed = [other for other in needed if other in project.services and other not in opened]
        if needed:
            waiting += needed
        else:
            ordered[waiting.pop()] = None
    return list(ordered)


def image_names(project: Project) -> list[str]:
    """The images of each active service, in the order of the services' names: its own, then those of its hooks."""
    images = []
    for _, service in sorted(project.services.items()):
        hooks = dict.fromkeys(hook.image for hook in service.pre_start if hook.image != service.image_ref)
        images += [service.image_ref, *hooks]
    return [_utf8(image) for image in images]


def volume_names(project: Project) -> list[str]:
    """The keys of the named volumes that active services use."""
    return sorted(project.resolved.get("volumes", {}))
