"""MIG501 and MIG505: the options of Alembic's configuration that break it, or that it does not have (any more)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix import ini_text, toml_text
from migops.commands.fix.model import FileEdit, Fix, NotFixed
from migops.core.model import Finding, Location, PlaceName, Severity
from migops.migrations.config import ConfigFile, Option, parse_config
from migops.migrations.problem import Problem

_OLD, _NEW, _USELESS = "version_path_separator", "path_separator", "version_num_format"
_IN_TEMPLATE = frozenset(("rev", "slug", "epoch", "year", "month", "day", "hour", "minute", "second"))
"""What Alembic itself fills into a ``file_template``, after the ini file's references were resolved."""
_SEPARATORS = {"space": " ", "newline": "\n", "os": ":", ":": ":", ";": ";"}
_LEGACY: Mapping[str, re.Pattern[str]] = {
    "prepend_sys_path": re.compile(r", *|(?: +)|:"),
    "version_locations": re.compile(r", *| +"),
}
"""How Alembic splits these lists where no separator is set."""


def percent(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Double the percent signs of an option; delete ``version_num_format``, which Alembic does not have."""
    problem = _problem(evidence, finding)
    if problem is None:
        return NotFixed(finding.rule, "not in a file on this host")
    path, line = Path(problem.at.file), problem.at.line
    before, is_toml = path.read_bytes(), path.name == "pyproject.toml"
    if problem.option == _USELESS:
        return _deleted(finding.rule, path, before, problem.at, problem.option)
    if finding.severity is not Severity.ERROR:
        reason = "env.py hands its configuration to code that migops did not follow, which may read the option as it is"
        return NotFixed(finding.rule, reason)
    name = problem.message.split(" ", 1)[0]
    if is_toml:
        after = toml_text.escape_percents(before, line, name)
    else:
        known = _references(before, path, line)
        literal = _IN_TEMPLATE if name == "file_template" else frozenset[str]()
        after = ini_text.escape_percents(before, line, known, literal=literal)
    if after is None:
        return NotFixed(finding.rule, f"the text of {name} does not settle which percent signs are meant literally")
    return Fix(finding.rule, f"{name}: write %% for each literal percent sign", (FileEdit(path, before, after),))


def _problem(evidence: Evidence, finding: Finding) -> Problem | None:
    """The host's problem that the finding reports; None if only another place has it."""
    if PlaceName.HOST.value not in finding.facts.get("places", ()):
        return None
    problems = evidence.problems.get(PlaceName.HOST, ())
    return next((each for each in problems if each.rule == finding.rule and str(each.at) == finding.subject.path), None)


def _references(text: bytes, path: Path, line: int) -> frozenset[str]:
    """The options that the one at ``line`` may refer to: those of its section and of ``[DEFAULT]``, and ``here``."""
    read = ini_text.sections(text) or {}
    own = next((name for name in read if name != "DEFAULT" and _has_line(text, path, name, line)), "DEFAULT")
    return frozenset(("here", *read.get("DEFAULT", {}), *read.get(own, {})))


def _has_line(text: bytes, path: Path, section: str, line: int) -> bool:
    return any(option.at.line == line for option in parse_config(text, str(path), section).options.values())


def deprecated(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Rename ``version_path_separator``, if all lists of paths stay the same; delete ``version_num_format``."""
    config = evidence.setup.config if evidence.setup else None
    option = config.options.get(str(finding.facts.get("option"))) if config else None
    if config is None or option is None or not Path(option.at.file).is_file():
        return NotFixed(finding.rule, "not in a file on this host")
    path = Path(option.at.file)
    before = path.read_bytes()
    if option.name == _USELESS or config.is_toml:  # Alembic reads no separator from pyproject.toml
        return _deleted(finding.rule, path, before, option.at, option.name)
    changed = _changed_list(config, option)
    if changed:
        reason = f"with {_NEW}, {changed} might be split in another way: Alembic's version decides"
        return NotFixed(finding.rule, reason)
    after = ini_text.rename_option(before, option.at.line, _NEW)
    if after is None:
        return _unedited(finding.rule, option.at)
    title = f"write {_NEW} instead of {_OLD}, which is deprecated since Alembic 1.16"
    return Fix(finding.rule, title, (FileEdit(path, before, after),))


def _changed_list(config: ConfigFile, separator: Option) -> str:
    """A list of paths that some version of Alembic splits differently once the setting has its new name; '' if none."""
    split = _SEPARATORS.get(str(separator.value))
    for name, legacy in _LEGACY.items():
        option = config.options.get(name)
        if option is None or not isinstance(option.value, str) or not option.value:
            continue
        if split is None:
            return name
        new = [part.strip() for part in option.value.split(split) if part]
        if new != legacy.split(option.value):
            return name
    return ""


def _deleted(rule: str, path: Path, before: bytes, at: Location, name: str) -> Fix | NotFixed:
    if path.name == "pyproject.toml":
        after = toml_text.delete_option(before, at.line, name)
    else:
        after = ini_text.delete_option(before, at.line)
    if after is None:
        return _unedited(rule, at)
    return Fix(rule, f"delete {name}, which Alembic does not read", (FileEdit(path, before, after),))


def _unedited(rule: str, at: Location) -> NotFixed:
    return NotFixed(rule, f"migops cannot edit {at} without changing more than this option")
