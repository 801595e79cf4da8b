"""Readers of field values: the accepted types, and the form that ``docker compose config`` shows.

A reader takes the value, its path (for messages) and the decoder. As in Go's JSON, a zero value is omitted, unless its
field is a pointer that is set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migops.compose.interpolate import CastError, to_boolean, to_float, to_int64
from migops.compose.notes import Notes
from migops.compose.scalars import float32, go_type, int64, sprint
from migops.compose.tree import Map, Mark
from migops.compose.units import add_hosts, duration, shell_words, show_duration, size

Read = Callable[[Any, str, "Decoder"], Any]
Struct = dict[str, "Read | Pointer"]


class Pointer:
    """A field that is shown whenever it is set, even to zero."""

    __slots__ = ("read",)

    def __init__(self, read: Read) -> None:
        self.read = read


class DecodeError(Exception):
    """A value that its field cannot hold; ``path`` is the value's path, if it is deeper than the field."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class Decoder:
    """One pass over a document, collecting its faults: compose reports all of them at once."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.faults: list[tuple[str, Mark | None]] = []

    def struct(self, value: Map, fields: Struct, path: str, mark: Mark | None = None) -> dict[str, Any]:
        """Read a mapping's known fields, and collect faults."""
        made: dict[str, Any] = {}
        marks = value.marks
        for key, entry in value.items():
            field = fields.get(key)
            if field is None or entry is None:
                continue
            try:
                if isinstance(field, Pointer):
                    made[key] = field.read(entry, f"{path}.{key}", self)
                    continue
                read = field(entry, f"{path}.{key}", self)
            except (DecodeError, CastError, ValueError, OverflowError) as error:
                where = getattr(error, "path", "") or f"{path}.{key}"
                self.faults.append((f"'{where}' {error}", marks.get(key, mark)))
                continue
            if read:
                made[key] = read
        return made


def string(value: Any, path: str, run: Decoder) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DecodeError(f"expected type 'string', got unconvertible type '{go_type(value)}'", path)


def boolean(value: Any, path: str, run: Decoder) -> bool:
    if isinstance(value, str):
        return to_boolean(value, run.notes)
    if isinstance(value, bool):
        return value
    raise DecodeError(f"expected type 'bool', got unconvertible type '{go_type(value)}'")


def integer(value: Any, path: str, run: Decoder) -> int:
    if isinstance(value, str):
        return to_int64(value, run.notes)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int64(value)
    raise DecodeError(f"expected type 'int', got unconvertible type '{go_type(value)}'")


def unsigned(value: Any, path: str, run: Decoder) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0:
            raise DecodeError(f"cannot parse, {sprint(value)} overflows uint")
        return int64(value) % 2**32
    raise DecodeError(f"expected type 'uint', got unconvertible type '{go_type(value)}'")


def single(value: Any, path: str, run: Decoder) -> float:
    number = to_float(value, run.notes) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise DecodeError(f"expected type 'float32', got unconvertible type '{go_type(value)}'")
    single = float32(float(number))
    return int(single) if single == int(single) and abs(single) < 1e21 else single


def strings(value: Any, path: str, run: Decoder) -> list[str]:
    if isinstance(value, str):
        return [str(value)]
    return [string(item, f"{path}[{index}]", run) for index, item in enumerate(value)]


def texts(value: Any, path: str, run: Decoder) -> list[str]:
    return [sprint(item) for item in value] if isinstance(value, list) else [sprint(value)]


def byte_size(value: Any, path: str, run: Decoder) -> str:
    amount = size(value) if isinstance(value, str) else value
    return str(amount) if amount and isinstance(amount, int) else ""


def time_span(value: Any, path: str, run: Decoder) -> str:
    return show_duration(duration(sprint(value)))


def set_time_span(value: Any, path: str, run: Decoder) -> str:
    shown = time_span(value, path, run)
    return "" if shown == "0s" else shown


def mapping(value: Any, path: str, run: Decoder) -> dict[str, str]:
    """Names and values; a name without a value has ''."""
    if isinstance(value, dict):
        return {key: "" if entry is None else sprint(entry) for key, entry in value.items()}
    return dict(_cut(sprint(item)) for item in value)


def _cut(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def environment(value: Any, path: str, run: Decoder) -> dict[str, str | None]:
    """Names and values; a name without a value has None."""
    if isinstance(value, dict):
        return {key: None if entry is None else sprint(entry) for key, entry in value.items()}
    made: dict[str, str | None] = {}
    for item in value:
        name, equals, text = sprint(item).partition("=")
        if name and name[-1].isspace():
            raise DecodeError(f"environment variable {name} is declared with a trailing space")
        made[name] = text if equals else None
    return made


def plain_map(value: Any, path: str, run: Decoder) -> dict[str, str]:
    return {key: string(entry, f"{path}[{key}]", run) for key, entry in value.items() if entry is not None}


def many_options(value: Any, path: str, run: Decoder) -> dict[str, list[str]]:
    return {key: texts(entry, path, run) for key, entry in value.items()}


def command(value: Any, path: str, run: Decoder) -> list[str]:
    return shell_words(value) if isinstance(value, str) else strings(value, path, run)


def health_test(value: Any, path: str, run: Decoder) -> list[str]:
    return ["CMD-SHELL", str(value)] if isinstance(value, str) else strings(value, path, run)


def device_count(value: Any, path: str, run: Decoder) -> int:
    if isinstance(value, str):
        if value.lower() == "all":
            return -1
        try:
            return to_int64(value, run.notes)
        except CastError:
            message = f"invalid value \"{value}\", the only value allowed is 'all' or a number"
            raise DecodeError(message) from None
    return integer(value, path, run)


def file_mode(value: Any, path: str, run: Decoder) -> str:
    if isinstance(value, str):
        try:
            return f"0{int(value, 8):o}"
        except ValueError:
            raise DecodeError(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None
    if isinstance(value, int) and not isinstance(value, bool):
        return f"0{value:o}"
    raise DecodeError(f"unexpected value type {go_type(value)} for mode")


def hosts(value: Any, path: str, run: Decoder) -> list[str]:
    if isinstance(value, dict):
        return add_hosts(
            [
                (
                    host,
                    [sprint(one) for one in listed]
                    if isinstance(listed, list)
                    else ["" if listed is None else str(listed)],
                )
                for host, listed in value.items()
            ]
        )
    hosts = []
    for item in value:
        text = sprint(item)
        separator = "=" if "=" in text else ":"
        host, separated, address = text.partition(separator)
        if not separated:
            raise DecodeError(f"invalid additional host, missing IP: {text}")
        hosts.append((host, address.split(",")))
    return add_hosts(hosts)


def ssh_keys(value: Any, path: str, run: Decoder) -> list[str]:
    return [key if entry in (None, "") else f"{key}: {sprint(entry)}" for key, entry in value.items()]


def ulimits(value: Any, path: str, run: Decoder) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, limit in value.items():
        if isinstance(limit, Map):
            made[key] = {side: limit[side] for side in ("soft", "hard") if limit.get(side)}
        else:
            made[key] = limit or {}
    return made


def struct(fields: Struct, **always: Any) -> Read:
    def read(value: Any, path: str, run: Decoder) -> dict[str, Any]:
        if not isinstance(value, Map):
            raise DecodeError(f"expected a map or struct, got {go_type(value)}")
        return {**always, **run.struct(value, fields, path)}

    return read


def structs(fields: Struct, **always: Any) -> Read:
    one = struct(fields, **always)

    def read(value: Any, path: str, run: Decoder) -> list[Any]:
        return [one(item if item is not None else Map(), f"{path}[{index}]", run) for index, item in enumerate(value)]

    return read


def named(fields: Struct, **always: Any) -> Read:
    one = struct(fields, **always)

    def read(value: Any, path: str, run: Decoder) -> dict[str, Any]:
        return {key: None if entry is None else one(entry, f"{path}[{key}]", run) for key, entry in value.items()}

    return read


def blkio(key: str, read_value: Read) -> Read:
    """Reader of entries whose JSON has Go's own field names."""

    def read(value: Any, path: str, run: Decoder) -> list[Any]:
        zero: Any = 0 if key == "Weight" else "0"
        return [
            {"Path": sprint(item.get("path", "")), key: read_value(item[key.lower()], path, run) or zero
             if item.get(key.lower()) is not None else zero}
            for item in value
        ]  # fmt: skip

    return read
