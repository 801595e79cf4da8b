"""By name only: start scripts that cannot start, compiled files without a script; ``create_all`` is never edited."""

from __future__ import annotations

import posixpath
import stat
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix.model import FileEdit, Fix, NotFixed
from migops.core.model import Finding, PlaceName

_MARKS = '"*.sh text eol=lf" in .gitattributes keeps them so'


def start_script(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Give a start script its x bits, or Unix line ends."""
    path, why = Path(str(finding.facts.get("file"))), finding.facts.get("why")
    if finding.facts.get("place") != "host" or not path.is_file():
        return NotFixed(finding.rule, "the script is not a file on this host: the build makes it, or the base image")
    before = path.read_bytes()
    if why == "permission":
        mode = stat.S_IMODE(path.stat().st_mode)
        edit = FileEdit(path, before, before, mode | (mode & 0o444) >> 2)
        return Fix(finding.rule, f"make {path.name} executable", (edit,), by_name_only=True)
    if why == "line ends":
        if b"\0" in before:
            return NotFixed(finding.rule, "the file is not text")
        edit = FileEdit(path, before, before.replace(b"\r\n", b"\n"))
        return Fix(finding.rule, f"give {path.name} Unix line ends (LF)", (edit,), by_name_only=True, note=_MARKS)
    return NotFixed(finding.rule, "which interpreter the script needs is its author's choice")


def bytecode(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    """Delete the host's copy of a compiled file whose script is gone, if git does not track it."""
    host, image = evidence.chain.held(PlaceName.HOST), evidence.chain.held(PlaceName.IMAGE)
    if host is None or image is None:
        return NotFixed(finding.rule, "the host has no migrations")
    name = posixpath.relpath(str(finding.facts.get("image_path")), image.script_location)
    path = Path(posixpath.join(host.script_location, name))
    if str(path) not in host.bytecode and not path.is_file():
        return NotFixed(finding.rule, "only the image has the file: a build without it removes it")
    if path.suffix not in (".pyc", ".pyo") or path.is_symlink():
        return NotFixed(finding.rule, "it is not a compiled file")
    from migops.commands.fix.tracked import tracked

    if reason := tracked(path):
        return NotFixed(finding.rule, reason)
    edit = FileEdit(path, path.read_bytes(), None)
    return Fix(finding.rule, f"delete {path.name}, whose script is gone", (edit,), by_name_only=True, needs_start=False)


def create_all(evidence: Evidence, finding: Finding) -> NotFixed:
    """Only shown: which tables the application still needs from it, its author knows."""
    return NotFixed(finding.rule, f"{finding.subject.path}; migops never edits application code")
