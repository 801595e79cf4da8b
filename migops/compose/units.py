"""Values with their own grammar: durations, sizes, shell words, host lists. Each function names its source."""

from __future__ import annotations

import re

from migops.compose.scalars import int64

_UNITS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
    "d": 86400 * 10**9, "w": 604800 * 10**9,
}  # fmt: skip
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")


def duration(text: str) -> int:
    """Nanoseconds of a text such as ``1m30s``, in Go's units, days and weeks. Raises ``ValueError``."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0
    at = 0
    while at < len(rest):
        match = _DURATION_PART.match(rest, at)
        whole, fraction, unit = match.groups() if match else ("", None, "")
        if not whole and not fraction:
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += int(whole or 0) * _UNITS[unit]
        if fraction:
            total += int(int(fraction) * (_UNITS[unit] / 10 ** len(fraction)))
        if total >= 2**63:
            raise ValueError(f'time: invalid duration "{text}"')
        at = match.end() if match else len(rest)
    return -total if text.startswith("-") else total


def show_duration(nanoseconds: int) -> str:
    """A duration in nanoseconds as Go's ``time.Duration`` prints it: ``1m30s``, ``1.5s``, ``300ms``."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if rest < size * 1000:
            return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, seconds = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    shown = f"{_decimal(seconds, 10**9)}s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return f"{sign}{hours}h{shown}" if hours else sign + shown


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    return f"{whole}.{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else str(whole)


def size(text: str) -> int:
    """Bytes of a text such as ``64m`` or ``1.5GiB`` (units of 1024). Raises ``ValueError``. Source: ``go-units``."""
    at = max(text.rfind(character) for character in "0123456789. ")
    if at < 0:
        raise ValueError(f"invalid size: '{text}'")
    number, suffix = (text[:at], text[at + 1 :]) if text[at] == " " else (text[: at + 1], text[at + 1 :])
    if not _SIZE_NUMBER.match(number):
        raise ValueError(f'strconv.ParseFloat: parsing "{number}": invalid syntax')
    amount = float(number)
    if amount < 0:
        raise ValueError(f"invalid size: '{text}'")
    unit = suffix.lower()
    if unit in ("", "b"):
        return int64(amount)
    if unit[0] not in _SIZES or unit[1:] not in ("", "b", "ib"):
        raise ValueError(f"invalid suffix: '{suffix if len(suffix) > 3 else unit}'")
    return int64(amount * _SIZES[unit[0]])


def shell_words(line: str) -> list[str]:
    """The words of a ``command`` text: quotes and escapes, no expansion; a ``;``, ``&``, ``|`` … ends the command.

    Source: the shellwords package that compose uses. Raises ``ValueError`` for text that it rejects.
    """
    words: list[str] = []
    word = ""
    started = escaped = False
    quote = ""  # the open quote: ' " ` or "(" for $(…)
    for character in line:
        if escaped:
            word += character
            escaped, started = False, True
            continue
        if character == "\\":
            if quote == "'":
                word += character
            else:
                escaped = True
            continue
        if character in " \t\r\n":
            if quote:
                word += character
            elif started:
                words.append(word)
                word, started = "", False
            continue
        if character == "`" and quote in ("", "`"):
            quote = "" if quote else "`"
        elif character == ")" and quote in ("", "("):
            quote = "" if quote else "("
        elif character == "(" and quote in ("", "`"):
            if quote or not word.endswith("$"):
                raise ValueError("invalid command line string")
            quote = "("
            word += character
            continue
        elif character == '"' and quote in ("", '"', "`"):
            started = started or quote == '"'
            quote = "" if quote == '"' else '"'
            continue
        elif character == "'" and quote in ("", "'", "`"):
            started = started or quote == "'"
            quote = "" if quote == "'" else "'"
            continue
        elif character in ";&|<>" and not quote:
            if character == ">" and word[:1].isdigit():
                started = False
            break
        started = True
        word += character
    if started:
        words.append(word)
    if escaped or quote:
        raise ValueError("invalid command line string")
    return words


def add_hosts(hosts: list[tuple[str, list[str]]]) -> list[str]:
    """``extra_hosts`` as sorted ``host=address`` texts. Raises ``ValueError`` for an invalid host name."""
    shown = []
    for host, addresses in hosts:
        if not host or ":" in host or "=" in host:
            raise ValueError(f"bad host name '{host}'")
        for address in addresses:
            bracketed = len(address) > 2 and address[0] == "[" and address[-1] == "]"
            shown.append(f"{host}={address[1:-1] if bracketed else address}")
    return sorted(shown)
