"""Finds code of the application that reads a ``.env`` file itself, so that the file is not taken from it."""

from __future__ import annotations

import re
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix.searched import content, files, first_line
from migops.commands.fix.url_variable import services_of
from migops.core.model import Location

_READS = re.compile(
    rb"dotenv|env_file\s*[=:]|read_env\s*\(|environ\.Env\b|\bdecouple\b|starlette\.config|dynaconf|AutoConfig"
    rb"|\bgoodconf\b|(^|[;&|\s])(\.|source)\s+[\"']?[^\s;]*\.env\b|\benv_file\b|[\"']\.env"
)
_KEY = re.compile(rb"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)
_COMMENT = re.compile(rb"^\s*#")


def own_reader(evidence: Evidence, folder: Path, file: Path) -> Location | None:
    """The first line below the folder that reads such a file; None if there is none.

    None as well if the environment of the services has every variable of the file, since it comes first there.
    """
    if _are_given(evidence, file):
        return None
    paths = files(folder, _is_program, "tests")
    return first_line(paths, lambda line: bool(_READS.search(line)) and not _COMMENT.match(line))


def _are_given(evidence: Evidence, file: Path) -> bool:
    """True if compose gives every service with this image every variable that the file sets."""
    services = list(services_of(evidence))
    names = [match[1].decode() for match in _KEY.finditer(content(file))]
    return bool(services) and all(each.environment.get(name) is not None for each in services for name in names)


def _is_program(name: str) -> bool:
    return name.endswith((".py", ".sh", ".js", ".ts")) or "." not in name
