"""Alembic's configuration as Alembic 1.20 reads it: ``alembic.ini`` and ``pyproject.toml``, option by option.

Alembic fails at the first option that it cannot interpolate. Here each option is read separately, so that one bad line
hides nothing: its ``value`` is None, and ``error`` is the reason.
"""

from __future__ import annotations

import configparser
import io
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.migrations.problem import Problem

Value = str | bool | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Option:
    """One option of one file. ``repr`` hides the value, which may be ``sqlalchemy.url`` with its password."""

    name: str
    value: Value = field(repr=False)  # as Alembic reads it (a TOML array: a tuple); None if Alembic would fail
    at: Location
    error: str = ""  # the reason of the failure; never quotes the value


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The options of one file that Alembic uses: its main section (with ``[DEFAULT]``), or ``[tool.alembic]``."""

    path: str  # the file's absolute POSIX path in its source (host, image, container, …)
    section: str
    options: Mapping[str, Option]
    sections: tuple[str, ...] = ()
    has_section: bool = True  # False: Alembic sees no option of the file, ``[DEFAULT]`` included
    hooks: Mapping[str, Option] = field(default_factory=dict)  # of ``[post_write_hooks]``, read with every command

    @property
    def here(self) -> str:
        """The value of ``%(here)s``: the file's own folder."""
        return posixpath.dirname(self.path)

    @property
    def is_toml(self) -> bool:
        """True for a ``pyproject.toml``. Alembic decides by the file's name alone."""
        return posixpath.basename(self.path) == "pyproject.toml"

    def problems(self) -> tuple[Problem, ...]:
        """The options that Alembic cannot read, as MIG501."""
        return tuple(
            Problem("MIG501", option.at, f"{option.name} {option.error}", hint=_hint(self, option), option=name)
            for options, is_main in ((self.options, True), (self.hooks, False))
            for option in options.values()
            if option.error
            for name in [option.name if is_main else ""]  # every command reads all hooks
        )


def parse_config(text: bytes | str, path: str, section: str = "alembic") -> ConfigFile:
    """Read one configuration file, an ini or (by its name) a ``pyproject.toml``.

    ``path`` is absolute in the text's source; ``section`` is the value of ``alembic --name``, ignored for TOML. Raises
    MigopsError, with the line, for text that cannot be parsed at all.
    """
    decoded = _decode(text, path)
    if posixpath.basename(path) == "pyproject.toml":
        return _parse_toml(decoded, path)
    return _parse_ini(decoded, path, section)


def _decode(text: bytes | str, path: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise MigopsError(
            f"the file is not UTF-8 (byte {text[error.start]:#04x})",
            at=Location(path, line),
            hint="save it as UTF-8; with a UTF-8 locale Alembic cannot read it either",
        ) from None


class _Reader:
    """Passes lines to configparser and records the current line number."""

    def __init__(self, text: str) -> None:
        self.line = 0
        self._lines = io.StringIO(text, newline=None)

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._lines, 1):
            self.line = number
            yield line


def _parse_ini(text: str, path: str, section: str) -> ConfigFile:
    reader = _Reader(text)
    lines: dict[str, dict[str, int]] = {}

    class Numbered(dict[str, Any]):
        """A section filled by configparser; the first assignment of an option gives its line."""

        def __init__(self, *items: Any) -> None:
            super().__init__(*items)
            self.lines: dict[str, int] = {}

        def __setitem__(self, key: str, value: Any) -> None:
            self.lines.setdefault(key, reader.line)
            if isinstance(value, Numbered):  # the mapping of sections is a Numbered too
                lines[key] = value.lines
            super().__setitem__(key, value)

    # `here` is not escaped, as in Alembic: a percent sign in a folder's name breaks every option that uses it.
    parser = configparser.ConfigParser({"here": posixpath.dirname(path)}, dict_type=Numbered)
    try:
        parser.read_file(reader, source=path)
    except configparser.Error as error:
        raise _ini_error(error, path, text) from None
    defaults = parser.defaults()
    lines[parser.default_section] = defaults.lines if isinstance(defaults, Numbered) else {}

    def options(of: str) -> dict[str, Option]:
        if of != parser.default_section and not parser.has_section(of):
            return {}
        names = [name for name in parser[of] if name != "here" or name in lines[of]]
        return {name: _ini_option(parser, of, name, path, lines) for name in names}

    return ConfigFile(
        path=path,
        section=section,
        options=options(section),
        sections=tuple(parser.sections()),
        has_section=section == parser.default_section or parser.has_section(section),
        hooks=options("post_write_hooks"),
    )


def _ini_option(
    parser: configparser.ConfigParser, section: str, name: str, path: str, lines: Mapping[str, Mapping[str, int]]
) -> Option:
    line = lines[section].get(name) or lines[parser.default_section].get(name, 0)
    try:
        return Option(name, parser.get(section, name), Location(path, line))
    except configparser.InterpolationMissingOptionError as error:
        reason = f"breaks Alembic: it refers to %({error.reference})s, and there is no such option"
    except configparser.InterpolationDepthError:
        reason = "breaks Alembic: its references to other options form a cycle"
    except configparser.InterpolationSyntaxError:
        reason = "breaks Alembic: a single % is interpolation syntax"
    return Option(name, None, Location(path, line), reason)


def _ini_error(error: configparser.Error, path: str, text: str) -> MigopsError:
    if isinstance(error, configparser.DuplicateOptionError):
        what = f"option {error.option!r} is set twice in section [{error.section}]"
        return MigopsError(what, at=Location(path, error.lineno or 0), hint="keep one of the two lines")
    if isinstance(error, configparser.DuplicateSectionError):
        what = f"section [{error.section}] appears twice"
        return MigopsError(what, at=Location(path, error.lineno or 0), hint="merge the two sections")
    if isinstance(error, configparser.MissingSectionHeaderError):
        if text.startswith("\ufeff"):
            what, hint = "the file starts with a byte order mark, which Alembic reads as text", "save it without a BOM"
        else:
            what, hint = "there is text before the first [section]", "put the options under [alembic]"
        return MigopsError(what, at=Location(path, error.lineno), hint=hint)
    line = error.errors[0][0] if isinstance(error, configparser.ParsingError) and error.errors else 0
    return MigopsError("a line is neither `name = value` nor a [section]", at=Location(path, line))


_HEADER = re.compile(r"\s*\[\s*tool\s*\.\s*[\"']?alembic[\"']?\s*\]")
_TABLE = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*[\"']?([A-Za-z0-9_.-]+)[\"']?\s*=")


def load_toml(text: bytes | str, path: str) -> dict[str, Any]:
    """The document of a TOML file. MigopsError, with the line, for text that is not TOML."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(_decode(text, path))
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"at line (\d+)", str(error))
        last = len(text.splitlines())  # "at end of document"
        what = f"not valid TOML: {str(error).partition(' (at ')[0]}"
        raise MigopsError(what, at=Location(path, int(match[1]) if match else last)) from None


def _parse_toml(text: str, path: str) -> ConfigFile:
    data = load_toml(text, path)
    tool = data.get("tool", {})
    table = tool.get("alembic") if isinstance(tool, dict) else None
    header, lines = _toml_lines(text)
    if table is not None and not isinstance(table, dict):
        raise MigopsError("[tool.alembic] is not a table of options", at=Location(path, header))
    arguments = {"here": posixpath.dirname(path)}
    options = {
        name: _toml_option(name, value, Location(path, lines.get(name, header)), arguments)
        for name, value in (table or {}).items()
    }
    return ConfigFile(path, "tool.alembic", options, tuple(tool) if isinstance(tool, dict) else (), table is not None)


def _toml_lines(text: str) -> tuple[int, dict[str, int]]:
    """The line of the ``[tool.alembic]`` header, and those of its keys, which tomllib does not report."""
    header, inside = 0, False
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if _TABLE.match(line) and "=" not in line:
            inside = _HEADER.match(line) is not None
            header = number if inside else header
        elif inside and (key := _KEY.match(line)):
            lines.setdefault(key[1], number)
    return header, lines


def _toml_option(name: str, value: Any, at: Location, arguments: Mapping[str, str]) -> Option:
    try:
        if isinstance(value, str):
            return Option(name, value % arguments, at)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return Option(name, tuple(item % arguments for item in value), at)
    except (ValueError, TypeError):
        return Option(name, None, at, "breaks Alembic: a single % is interpolation syntax")
    except KeyError as error:
        return Option(
            name, None, at, f"breaks Alembic: it refers to %({error.args[0]})s, but pyproject.toml has only %(here)s"
        )
    if isinstance(value, int):
        return Option(name, value, at)
    # Tables (post_write_hooks) do not affect the scripts' location and are not read.
    if isinstance(value, (dict, list)):
        return Option(name, (), at)
    return Option(
        name, None, at, f"breaks Alembic: it is a TOML {type(value).__name__}, not text, a number, an array or a table"
    )


def _hint(file: ConfigFile, option: Option) -> str:
    if option.name == "version_num_format":
        return "delete the line (Alembic has no such option: file_template and --rev-id number files)"
    return "write %% for a literal percent sign"
