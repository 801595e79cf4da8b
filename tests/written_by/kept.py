"""The files that another version of migops wrote, put where this one finds them."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.engine.sandbox import Sandbox

DATA = Path(__file__).parents[1] / "data/written_by"
VERSIONS = sorted(each.name for each in DATA.iterdir() if each.is_dir())
FIRST, SECOND = "e10000000001", "e10000000002"
"""The revisions of the runs that are kept, after those of the example."""
_PROCESS = re.compile(r'"pid": \d+, "born": "\d*@')


def machine() -> dict[str, str]:
    """This machine as a record of a process names it."""
    ids = (Path(each) for each in ("/etc/machine-id", "/var/lib/dbus/machine-id"))
    return {
        "host": socket.gethostname(),
        "machine": next((each.read_text().strip() for each in ids if each.exists()), ""),
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "namespace": os.readlink("/proc/self/ns/pid"),
    }


@dataclass(frozen=True)
class Kept:
    """What one version wrote, for a sandbox: its placeholders stand for this machine, engine and project.

    ``state`` is what XDG_STATE_HOME is set to. ``more`` are further texts to replace: an image's ID, a server's number.
    """

    version: str
    box: Sandbox
    state: Path

    @cached_property
    def engine_id(self) -> str:
        return self.box.docker("info", "-f", "{{.ID}}").strip()

    @property
    def folder(self) -> Path:
        """The project's state folder, where every version has had it."""
        return self.state / "migops" / re.sub(r"[^A-Za-z0-9_.-]", "-", self.engine_id) / self.box.name

    @property
    def runs(self) -> list[dict[str, Any]]:
        """How each run that has a journal ended, by what its process gave back."""
        found: list[dict[str, Any]] = json.loads((DATA / self.version / "runs.json").read_text())
        return found

    def last(self, command: str, outcome: str) -> int:
        """The number of the last run of that command that ended so."""
        return max(n for n, run in enumerate(self.runs, 1) if (run["command"], run["outcome"]) == (command, outcome))

    @cached_property
    def on_engine(self) -> dict[str, Any]:
        """What it left on the engine, or had there while it ran: names and labels."""
        found: dict[str, Any] = json.loads((DATA / self.version / "engine.json").read_text())
        return _each_text(found, self.fill)

    def fill(self, text: str) -> str:
        """The text with what its placeholders mean here."""
        here = {
            **machine(), "state": str(self.folder), "path": str(self.box.path), "project": self.box.name,
            "engine": self.engine_id,
        }  # fmt: skip
        for name, value in here.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def put(self, name: str, more: Mapping[str, str] | None = None) -> Path:
        """Put one file there; its path."""
        source, there = DATA / self.version / name, self.folder / name
        there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if source.suffix == ".dump":
            there.write_bytes(source.read_bytes())
        else:
            text = self.fill(source.read_text())
            for old, new in (more or {}).items():
                text = text.replace(old, new)
            there.write_text(text)
        there.chmod(0o600)
        return there

    def put_journals(self, upto: int, more: Mapping[str, str] | None = None) -> None:
        """Put the journals of the first runs there, and no others."""
        for path in self.folder.glob("journal/*"):
            path.unlink()
        for number in range(1, upto + 1):
            self.put(f"journal/{number:06}.jsonl", more)

    def source(self, name: str) -> Path:
        """A file as it is kept."""
        return DATA / self.version / name

    def lines(self, number: int) -> list[dict[str, Any]]:
        """The lines of a run's journal."""
        text = self.fill((DATA / self.version / f"journal/{number:06}.jsonl").read_text())
        return [json.loads(line) for line in text.splitlines()]

    def definitions(self) -> list[str]:
        """The names of the old definitions that it kept."""
        return [f"definitions/{each.name}" for each in sorted((DATA / self.version / "definitions").glob("*"))]

    def put_backup(self, more: Mapping[str, str] | None = None) -> Path:
        """Put the backup there, with its manifest; its path."""
        (dump,) = (each.name for each in (DATA / self.version / "backups").glob("*.dump"))
        self.put(f"backups/{dump}.json", more)
        return self.put(f"backups/{dump}")


def alive(record: str, pid: int) -> str:
    """A record of a process with another one's number and begin, which is there."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    found, count = _PROCESS.subn(f'"pid": {pid}, "born": "{fields[19]}@', record)
    assert count == 1, record
    return found


def _each_text(found: Any, change: Any) -> Any:
    """The document with each of its texts changed."""
    if isinstance(found, dict):
        return {key: _each_text(value, change) for key, value in found.items()}
    if isinstance(found, list):
        return [_each_text(each, change) for each in found]
    return change(found) if isinstance(found, str) else found
