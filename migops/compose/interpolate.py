"""Substitution of variables in a document's values, and conversion of texts to numbers and booleans."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from migops.compose.notes import Notes
from migops.compose.required import Treatment, placeholder, treatment
from migops.compose.scalars import float32, quoted
from migops.compose.specification import CONTAINER_KEYS
from migops.compose.table import Table, below, table, with_hooks
from migops.compose.template import InvalidTemplate, MissingVariable, TemplateError, substitute
from migops.compose.tree import Map, Mark, Seq, raise_all, refuse
from migops.core.errors import MigopsError

_DIGITS = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|inf(?:inity)?|nan)\Z", re.IGNORECASE)


_LEFT_OUT = object()
"""In place of a value that depends on a required variable that is not set."""


class CastError(ValueError):
    """A text that cannot be converted to the type of its key."""


def interpolate(document: Map, environment: Mapping[str, str], notes: Notes) -> None:
    """Replace variables in every value (never in keys) and convert numbers and booleans, in place.

    A required variable that is not set is treated as ``notes.required`` says. Raises MigopsError listing every value
    that cannot be substituted or converted.
    """
    run = _Run(environment, notes)
    run.entries(document, (), _CASTS)
    raise_all(run.faults)


class _Run:
    def __init__(self, environment: Mapping[str, str], notes: Notes) -> None:
        self.lookup = environment.get
        self.notes = notes
        self.faults: list[MigopsError] = []

    def entries(self, value: Map, path: tuple[str, ...], casts: Table | None) -> None:
        for key, entry in list(value.items()):
            types = below(casts, key) if casts else None
            if isinstance(entry, str):
                if types is not None or "$" in entry:
                    value[key] = self.text(entry, value.marks[key], (*path, key), types)
                if value[key] is _LEFT_OUT:
                    del value[key]
            elif isinstance(entry, Map):
                self.entries(entry, (*path, key), types)
            elif isinstance(entry, Seq):
                self.items(entry, (*path, key), types)

    def items(self, value: Seq, path: tuple[str, ...], casts: Table | None) -> None:
        types = below(casts, "[]") if casts else None
        path = (*path, "[]")
        for index, item in enumerate(value):
            if isinstance(item, str):
                if types is not None or "$" in item:
                    value[index] = self.text(item, value.marks[index], path, types)
            elif isinstance(item, Map):
                self.entries(item, path, types)
            elif isinstance(item, Seq):
                self.items(item, path, types)
        if any(item is _LEFT_OUT for item in value):
            kept = Seq.of(item for item in value.marked() if item[0] is not _LEFT_OUT)
            value[:], value.marks = kept, kept.marks

    def text(self, text: str, mark: Mark, path: tuple[str, ...], casts: Table | None) -> Any:
        at = ".".join(path)
        message = f"error while interpolating {at}: "
        try:
            done, unknown = self.substituted(text, mark, path)
            if unknown:
                return done if treatment(path) is Treatment.KEPT else _LEFT_OUT
            return casts[""](done, self.notes) if casts and "" in casts else done
        except InvalidTemplate as error:
            message = f"invalid interpolation format for {at}.\nYou may need to escape any $ with another $.\n"
            message += error.template
        except TemplateError as error:
            message += str(error)
        except CastError as error:
            message += f"failed to cast to expected type: {error}"
        self.faults.append(refuse(message, mark))
        return text

    def substituted(self, text: str, mark: Mark, path: tuple[str, ...]) -> tuple[str, bool]:
        """The text with its variables replaced, and True if one of them is required, not set, and passed over."""
        unknown: dict[str, str] = {}

        def lookup(name: str) -> str | None:
            return unknown.get(name) or self.lookup(name)

        while True:
            unset: list[str] = []
            try:
                done = substitute(text, lookup, unset.append)
            except MissingVariable as error:
                if self.notes.required is None or treatment(path) is Treatment.REFUSED or error.name in unknown:
                    raise
                unknown[error.name] = placeholder(error.name)
                self.notes.required.setdefault(error.name, []).append(mark)
                continue
            for name in unset:
                self.notes.unset(name)
            return done, bool(unknown)


def _integer(function: str) -> Callable[[str, Notes], int]:
    def cast(text: str, notes: Notes) -> int:
        if not _DIGITS.match(text):
            raise CastError(f"strconv.{function}: parsing {quoted(text)}: invalid syntax")
        if not -(2**63) <= int(text) < 2**63:
            raise CastError(f"strconv.{function}: parsing {quoted(text)}: value out of range")
        return int(text)

    return cast


to_int = _integer("Atoi")
to_int64 = _integer("ParseInt")


def to_float(text: str, notes: Notes) -> float:
    """Convert a text to a float. Raises ``CastError``."""
    if not _FLOAT.match(text):
        raise CastError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax")
    return float(text)


def to_float32(text: str, notes: Notes) -> float:
    """Convert a text to a single-precision float. Raises ``CastError``."""
    return float32(to_float(text, notes))


def to_boolean(text: str, notes: Notes) -> bool:
    """Convert a text to a boolean. Raises ``CastError``."""
    word = text.lower()
    if word in ("true", "false"):
        return word == "true"
    if word in ("y", "yes", "on", "n", "no", "off"):
        truth = word in ("y", "yes", "on")
        notes.say(
            f"{quoted(text)} for boolean is not supported by YAML 1.2, please use `{'true' if truth else 'false'}`"
        )
        return truth
    raise CastError(f"invalid boolean: {text}")


_CASTS = table(with_hooks({
    **{f"services.*.{path}": to_int for path in (
        "deploy.replicas", "deploy.update_config.parallelism", "deploy.rollback_config.parallelism",
        "deploy.restart_policy.max_attempts", "deploy.placement.max_replicas_per_node", "healthcheck.retries",
        "ports.[].target", "scale", "ulimits.*", "ulimits.*.hard", "ulimits.*.soft",
    )},
    **{f"services.*.{path}": to_int64 for path in (
        "cpu_count", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "oom_score_adj",
        "pids_limit",
    )},
    **{f"services.*.{path}": to_float for path in (
        "cpu_percent", "deploy.update_config.max_failure_ratio", "deploy.rollback_config.max_failure_ratio",
    )},
    "services.*.cpus": to_float32,
    **{f"services.*.{path}": to_boolean for path in (
        "init", "healthcheck.disable", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty",
        "volumes.[].read_only", "volumes.[].volume.nocopy",
    )},
    **{f"networks.*.{key}": to_boolean for key in ("external", "internal", "attachable", "enable_ipv4", "enable_ipv6")},
    **dict.fromkeys(("volumes.*.external", "secrets.*.external", "configs.*.external"), to_boolean),
}, CONTAINER_KEYS))  # fmt: skip
