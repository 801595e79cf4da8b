"""Edits of an ini file's text, by the line of an option. Everything else keeps its bytes: comments, order, line ends.

Bytes are handled as Latin-1 text, which maps each to one character and back, so that no encoding is assumed.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Collection

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_REFERENCE = re.compile(r"%\(([^)]+)\)s")
_NO_DEFAULT = "\0"

Sections = dict[str, dict[str, str]]


def sections(text: bytes) -> Sections | None:
    """The options of each section (``[DEFAULT]`` is one of them), not interpolated; None if it cannot be parsed."""
    parser = configparser.RawConfigParser(default_section=_NO_DEFAULT)
    try:
        parser.read_string(text.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n"))
    except configparser.Error:
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def span(lines: list[str], start: int) -> int:
    """The end (exclusive) of the option that begins at index ``start``, with the lines that continue its value."""
    indent, end = _indent(lines[start]), start + 1
    for index in range(start + 1, len(lines)):
        text = lines[index].strip()
        if not text or text.startswith(("#", ";")):
            continue
        if _indent(lines[index]) <= indent:
            break
        end = index + 1
    return end


def delete_option(text: bytes, line: int) -> bytes | None:
    """The text without the option at ``line`` (from 1). Comments within its value stay. None if that fails."""
    lines = _lines(text)
    if not _is_option(lines, line):
        return None
    end = span(lines, line - 1)
    kept = [each for each in lines[line - 1 : end] if each.strip().startswith(("#", ";"))]
    after = _bytes([*lines[: line - 1], *kept, *lines[end:]])
    name = _name(lines[line - 1])
    return after if _lacks(text, after, name) else None


def rename_option(text: bytes, line: int, new: str) -> bytes | None:
    """The text in which the option at ``line`` has another name and the same value. None if that fails."""
    lines = _lines(text)
    if not _is_option(lines, line):
        return None
    old = _name(lines[line - 1])
    lines[line - 1] = re.sub(r"^(\s*)" + re.escape(old), rf"\g<1>{new}", lines[line - 1], count=1, flags=re.IGNORECASE)
    after = _bytes(lines)
    before, now = sections(text), sections(after)
    if before is None or now is None:
        return None
    changed = [(of, name) for of in before for name in before[of] if now.get(of, {}).get(name) != before[of][name]]
    if len(changed) != 1 or changed[0][1] != old or now[changed[0][0]].get(new) != before[changed[0][0]][old]:
        return None
    return after


def escape_percents(text: bytes, line: int, known: Collection[str], *, literal: Collection[str] = ()) -> bytes | None:
    """The text in which each ``%`` of the option at ``line`` that starts no reference is doubled.

    ``known``: the options that may be referred to. ``literal``: names in ``%(name)s`` that are no references.
    None if the value refers to an option that is not there, or if nothing is to be doubled.
    """
    lines = _lines(text)
    if not _is_option(lines, line):
        return None
    end = span(lines, line - 1)
    head, delimiter, value = _parts(lines[line - 1])
    values = [value, *lines[line:end]]
    escaped = [each if each.strip().startswith(("#", ";")) and each is not value else _doubled(each, known, literal)
               for each in values]  # fmt: skip
    done = [each for each in escaped if each is not None]
    if len(done) != len(escaped) or done == values:
        return None
    after = _bytes([*lines[: line - 1], head + delimiter + done[0], *done[1:], *lines[end:]])
    return after if _same_but(text, after, _name(lines[line - 1])) else None


def _doubled(value: str, known: Collection[str], literal: Collection[str]) -> str | None:
    result, at = "", 0
    while at < len(value):
        reference = _REFERENCE.match(value, at)
        if value.startswith("%%", at):
            result, at = result + "%%", at + 2
        elif reference and reference[1].lower() in known:
            result, at = result + reference[0], reference.end()
        elif reference and reference[1] not in literal:
            return None
        elif value[at] == "%":
            result, at = result + "%%", at + 1
        else:
            result, at = result + value[at], at + 1
    return result


def _lacks(before: bytes, after: bytes, name: str) -> bool:
    """True if the only difference is that one section no longer has the option."""
    old, new = sections(before), sections(after)
    if old is None or new is None or old.keys() != new.keys():
        return False
    gone = [(of, each) for of in old for each in old[of] if new[of].get(each) != old[of][each]]
    return len(gone) == 1 and gone[0][1] == name and name not in new[gone[0][0]]


def _same_but(before: bytes, after: bytes, name: str) -> bool:
    """True if only the option's value differs, and by doubled percent signs alone."""
    old, new = sections(before), sections(after)
    if old is None or new is None or [(of, *old[of]) for of in old] != [(of, *new[of]) for of in new]:
        return False
    changed = [(of, each) for of in old for each in old[of] if new[of][each] != old[of][each]]
    return all(each == name and new[of][each].replace("%%", "%") == old[of][each].replace("%%", "%")
               for of, each in changed) and len(changed) == 1  # fmt: skip


def _is_option(lines: list[str], line: int) -> bool:
    return 0 < line <= len(lines) and bool(_name(lines[line - 1])) and bool(_parts(lines[line - 1])[1])


def _parts(line: str) -> tuple[str, str, str]:
    """The name with what is before it, the delimiter, and the rest with the line end."""
    match = re.match(r"([^=:]*)([=:])([\s\S]*)", line)
    return (match[1], match[2], match[3]) if match else (line, "", "")


def _name(line: str) -> str:
    return _parts(line)[0].strip().lower()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _lines(text: bytes) -> list[str]:
    return _LINE.findall(text.decode("latin-1"))


def _bytes(lines: list[str]) -> bytes:
    return "".join(lines).encode("latin-1")
