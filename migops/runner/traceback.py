"""Reads from Alembic's output where a migration failed: its revision, script and line, or before the first one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from migops.core.model import MigrationSet

_FRAME = re.compile(r'File "(?P<path>[^"\n]{1,400})", line (?P<line>\d{1,9}), in (?P<function>[\w.<>]{1,100})')
_BEGUN = re.compile(r"Running (upgrade|downgrade)\s+(\S*) -> (\S+?)(?:,|\s|$)")
_STEPS = ("upgrade", "downgrade")
_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python3|<frozen ")
_FAILED = re.compile(r"^ *FAILED: (?!.*expected to match)", re.MULTILINE)
_NOT_STARTED = re.compile(
    r"No module named '?alembic|(?:executable file|command|alembic['\"]?:) not "
    r"found",
    re.MULTILINE,
)
_TRACEBACK = re.compile(r"Traceback \(most recent call last\)")
_PLANNING = re.compile(
    r"in (?:_ensure_version_table|_has_version_table|get_current_heads|_upgrade_revs|"
    r"_downgrade_revs)$",
    re.MULTILINE,
)
_CONNECTING = re.compile(
    r"sqlalchemy/(?:engine|pool)/\w+\.py\", line \d+, in (?:connect|__connect|_connect|"
    r"raw_connection)$",
    re.MULTILINE,
)
_MIGRATING = re.compile(r"alembic/runtime/migration\.py\", line \d+, in run_migrations$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file in the container. ``revision``: that of the script, '' if the file is not a known script."""

    path: str
    line: int
    function: str
    revision: str = ""

    def __str__(self) -> str:
        name = "/".join(PurePosixPath(self.path).parts[-2:])
        return f"{name}:{self.line}"


def script_place(output: str, scripts: MigrationSet | None) -> Place | None:
    """The line of the migration script that failed, by the last traceback that leads through one."""
    files = {PurePosixPath(each.path).name: each.id for each in scripts.revisions} if scripts else {}
    last: Place | None = None
    path = ""
    for frame in _FRAME.finditer(output):
        name = PurePosixPath(frame["path"]).name
        if frame["function"] in _STEPS and not _LIBRARY.search(frame["path"]):
            path = frame["path"]
        if frame["path"] == path:
            last = Place(path, int(frame["line"]), frame["function"], files.get(name, ""))
    return last


def own_place(output: str) -> Place | None:
    """The last line of the project's own code in the last traceback."""
    frames = [each for each in _FRAME.finditer(output) if not _LIBRARY.search(each["path"])]
    return Place(frames[-1]["path"], int(frames[-1]["line"]), frames[-1]["function"]) if frames else None


def begun(output: str) -> str:
    """The revision that Alembic's log names last; '' if it names none."""
    named = list(_BEGUN.finditer(output))
    if not named:
        return ""
    return str(named[-1][3] if named[-1][1] == "upgrade" else named[-1][2])


def is_before_first(output: str) -> bool:
    """Whether the output shows that no migration was begun.

    It shows that if Alembic was not started, or says FAILED, or if its last traceback leads through the import of
    env.py, the opening of the connection, the version table or the plan, and through no script. An error in env.py's
    own functions may also come after the migrations.
    """
    if begun(output) or script_place(output, None) is not None:
        return False
    starts = [each.start() for each in _TRACEBACK.finditer(output)]
    if not starts:
        return bool(_FAILED.search(output) or _NOT_STARTED.search(output))
    last = output[starts[-1] :]
    if _PLANNING.search(last) or _FAILED.search(last):
        return True
    if _MIGRATING.search(last):
        return False
    of_env = [frame["function"] for frame in _FRAME.finditer(last) if frame["path"].endswith("/env.py")]
    is_imported = bool(of_env) and of_env[-1] == "<module>"
    return is_imported or bool(_CONNECTING.search(last)) or bool(_NOT_STARTED.search(last))


def begun_scripts(output: str, scripts: MigrationSet | None) -> tuple[str, ...]:
    """The texts of the scripts that the run has begun, as far as its log and traceback name them and the host has them.

    One transaction may hold them all, so that what they have made is rolled back with the last one.
    """
    if scripts is None:
        return ()
    place = script_place(output, scripts)
    names = {PurePosixPath(place.path).name} if place else set()
    ids = {str(each[3] if each[1] == "upgrade" else each[2]) for each in _BEGUN.finditer(output)}
    names |= {PurePosixPath(each.path).name for each in scripts.revisions if each.id in ids}
    texts = ((PurePosixPath(each.path).name, each.content) for each in scripts.scripts.values())
    return tuple(content.decode("utf-8", "replace") for name, content in texts if name in names)
