"""Scalars as in Go: the type of a plain YAML scalar, and the text of a number or boolean.

Source: the YAML 1.2 rules of go-yaml v3 (compose's reader), and Go's ``fmt`` and ``encoding/json``.
"""

from __future__ import annotations

import datetime
import math
import re
import struct
from typing import Any

from migops.compose.tree import Timestamp

_KEYWORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan,
    ".inf": math.inf, ".Inf": math.inf, ".INF": math.inf, "+.inf": math.inf, "+.Inf": math.inf, "+.INF": math.inf,
    "-.inf": -math.inf, "-.Inf": -math.inf, "-.INF": -math.inf,
}  # fmt: skip
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:([Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[-+]\d\d:\d\d)?)?\Z")


def resolve(text: str) -> Any:
    """The value of a plain (unquoted, untagged) scalar."""
    if text in _KEYWORDS:
        return _KEYWORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if text[0] != "." and _is_date(text):
        return Timestamp(text)
    digits = text.replace("_", "")
    if _INTEGER.match(digits):
        value = _integer(digits)
        if -(2**63) <= value < 2**64:
            return value
    number = float(digits) if _FLOAT.match(digits) else math.inf
    return text if math.isinf(number) else number


def _integer(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    number = digits.lstrip("+-").lower()
    if number.startswith(("0x", "0b", "0o")):
        return sign * int(number, 0)
    # go-yaml still reads a number with a leading zero as octal, as in YAML 1.1.
    return sign * int(number, 8 if number.startswith("0") else 10)


def _is_date(text: str) -> bool:
    match = _DATE.match(text)
    if not match:
        return False
    year, month, day, separator, hour, minute, second, _, zone = match.groups()
    if separator and (zone is None) != (separator == " "):
        return False
    try:
        datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return False
    return True


def rfc3339(text: str) -> str:
    """A date recognised by ``resolve``, in the full form that Go's JSON shows."""
    match = _DATE.match(text)
    if not match:
        return text
    year, month, day, _, hour, minute, second, fraction, zone = match.groups()
    seconds = f"{int(second or 0):02d}" + (fraction or "").rstrip("0").rstrip(".")
    return f"{year}-{int(month):02d}-{int(day):02d}T{int(hour or 0):02d}:{int(minute or 0):02d}:{seconds}{zone or 'Z'}"


def tagged(tag: str, text: str) -> Any:
    """The value of a scalar with an explicit core tag (``!!str``, ``!!int``, …). ``ValueError`` if it does not fit."""
    kind = tag.rsplit(":", 1)[-1]
    if kind == "str":
        return text
    if kind == "binary":
        import base64

        return base64.b64decode(text).decode("utf-8", "replace")
    value = resolve(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if yaml_type(value) != kind:
        raise ValueError(f"cannot decode !!{yaml_type(value)} `{text}` as a !!{kind}")
    return value


def yaml_type(value: Any) -> str:
    """YAML's name for a scalar's type."""
    if value is None:
        return "null"
    if isinstance(value, Timestamp):
        return "timestamp"
    return {bool: "bool", int: "int", float: "float"}.get(type(value), "str")


def go_type(value: Any) -> str:
    """A value's type as Go's ``%T`` prints it, for compose's messages."""
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    names = {bool: "bool", int: "int", float: "float64", str: "string"}
    return "<nil>" if value is None else names.get(type(value), "time.Time")


def sprint(value: Any) -> str:
    """A value as Go's ``fmt.Sprint`` prints it."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{sprint(value[key])}" for key in sorted(value)) + "]"
    return "[" + " ".join(sprint(item) for item in value) + "]"


def go_float(value: float) -> str:
    """A float as Go's ``%v`` prints it: the shortest digits, with an exponent below 1e-4 and from 1e+06 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole.lstrip("0")) if whole.strip("0") else -(len(fraction) - len(fraction.lstrip("0")))
    point = leading + int(exponent or 0)
    digits = digits.rstrip("0")
    return sign + _general(digits, point)


def _general(digits: str, point: int) -> str:
    power = point - 1
    if power < -4 or power >= 6:
        shown = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{shown}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return "0." + "0" * -point + digits
    if len(digits) <= point:
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def float32(value: float) -> float:
    """The shortest decimal of the same single-precision number, as Go's JSON shows a ``float32``."""
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    for precision in range(1, 10):
        short = float(f"{single:.{precision}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == single:
            return short
    return single


def int64(value: float) -> int:
    """A number as Go's ``int64``: truncated, and wrapped around on overflow."""
    if isinstance(value, float):
        return int(value) if abs(value) < 2**63 else -(2**63)
    return (value + 2**63) % 2**64 - 2**63


def quoted(text: str) -> str:
    """A string as Go's ``%q`` prints it."""
    import json

    return json.dumps(text, ensure_ascii=False)
