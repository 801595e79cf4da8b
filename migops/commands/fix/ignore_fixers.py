"""MIG104 and MIG106: migrations that the ignore file keeps out of the build, and ``.env`` files that it lets in."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix import ignore_text
from migops.commands.fix.build_context import BuildContext, build_context
from migops.commands.fix.env_readers import own_reader
from migops.commands.fix.model import FileEdit, Fix, NotFixed
from migops.core.model import Finding, PlaceName
from migops.core.text import listed

_COPIES = re.compile(r"^(COPY|ADD)\b", re.IGNORECASE)
BUILD = "build the image again: `{}`"


def env_file(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Exclude the file from the build context, if nothing needs it in the image."""
    files = evidence.setup.env_files if evidence.setup else ()
    file = next((each for each in files if each.host == finding.facts.get("file")), None)
    context = build_context(evidence)
    if isinstance(context, str) or file is None:
        return NotFixed(finding.rule, context if isinstance(context, str) else "the file is not there any more")
    path, name = context.relative(Path(file.host)), posixpath.basename(file.host)
    if not path or not ignore_text.pattern(path):
        return NotFixed(finding.rule, "the file is not below the build context, or its name has special characters")
    if _COPIES.match(file.instruction) and name.split(".env")[0] + ".env" in file.instruction:
        return NotFixed(finding.rule, f"{file.at} copies it by its name, so a build without it would fail")
    if reader := own_reader(evidence, context.folder, Path(file.host)):
        reason = f"{reader} reads it, and compose does not give every service its values: add env_file: [{name}] first"
        return NotFixed(finding.rule, reason)
    wide = _excluded(finding, context, path, f"**/{name}")
    return wide if isinstance(wide, Fix) else _excluded(finding, context, path, path)


def _excluded(finding: Finding, context: BuildContext, path: str, line: str) -> Fix | NotFixed:
    before = context.before or b""
    after = ignore_text.with_lines(before, [line])
    difference = ignore_text.changed(context.folder, before, after)
    if isinstance(difference, str):
        return NotFixed(finding.rule, difference)
    came, went = difference
    if came or went != {path}:
        return NotFixed(finding.rule, f"the line {line} would change more than this file")
    edit = FileEdit(context.ignore, context.before, after)
    return Fix(finding.rule, f"exclude {path} from the build, by {line} in {context.ignore.name}", (edit,))


def excluded_scripts(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Let the migrations into the build context again, by exceptions at the end of the ignore file."""
    if not finding.facts.get("ignore_file"):
        return NotFixed(finding.rule, "no line of an ignore file is the cause: the Dockerfile copies other folders")
    context = build_context(evidence)
    if isinstance(context, str):
        return NotFixed(finding.rule, context)
    if context.before is None or context.ignore != Path(str(finding.facts["ignore_file"])):
        return NotFixed(finding.rule, "the build reads another ignore file by now")
    needed = _needed(evidence, context)
    lines = list(dict.fromkeys(map(_exception, needed)))
    if not needed or not all(lines):
        return NotFixed(finding.rule, "a name has special characters, which a line of an ignore file would misread")
    after = ignore_text.with_lines(context.before, [f"!{line}" for line in lines])
    difference = ignore_text.changed(context.folder, context.before, after)
    if isinstance(difference, str):
        return NotFixed(finding.rule, difference)
    came, went = difference
    folders = {posixpath.dirname(path) for path in needed}
    others = [path for path in came if path not in needed and not _is_beside(path, folders)]
    if went or others or not came >= set(needed):
        return NotFixed(finding.rule, f"exceptions would let in more than the migrations: {listed(sorted(others)[:3])}")
    edit = FileEdit(context.ignore, context.before, after)
    words = listed([f"!{line}" for line in lines])
    return Fix(finding.rule, f"let the migrations into the build again, by {words} in {context.ignore.name}", (edit,))


def no_migrations(evidence: Evidence, finding: Finding) -> NotFixed:
    """Nothing of its own: MIG104 names what keeps the scripts out, or the Dockerfile does."""
    if evidence.exclusions:
        return NotFixed(finding.rule, "goes away with MIG104 and a build")
    return NotFixed(finding.rule, "no line of an ignore file is the cause, so the Dockerfile or a build is")


def _needed(evidence: Evidence, context: BuildContext) -> list[str]:
    """The files that Alembic needs and the ignore file keeps out, relative to the context."""
    host = evidence.chain.held(PlaceName.HOST)
    files = [*host.scripts.values(), *host.environment.values()] if host else []
    paths = sorted(filter(None, (context.relative(Path(each.path)) for each in files)))
    return [path for path in paths if not ignore_text.includes(context.before or b"", path)]


def _exception(path: str) -> str:
    """The folder's Python files, so that the next migration comes in too; any other file by its name."""
    plain = ignore_text.pattern(path)
    folder = posixpath.dirname(plain)
    is_script = plain.endswith(".py") and posixpath.basename(plain) != "env.py"
    return f"{folder}/*.py" if plain and folder and is_script else plain


def _is_beside(path: str, folders: set[str]) -> bool:
    return path.endswith(".py") and posixpath.dirname(path) in folders
