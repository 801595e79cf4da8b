"""What the tests of compose files share: cases on disk, and reading them as the command line would."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.compose import ComposeOptions, Project, load
from migops.compose.render import to_json
from migops.core.errors import MigopsError

CASES = Path(__file__).parent / "cases"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "compose"
PLACE = "@CASE@"


@dataclass(frozen=True)
class Case:
    """A project on disk and what compose says of it: a document, or a refusal (the last lines of its stderr)."""

    name: str
    source: Path
    arguments: tuple[str, ...]
    run_in: str
    document: Any
    refusal: str | None
    consistent: bool = True
    environment: tuple[tuple[str, str], ...] = ()
    newer: Any = None  # our document, where compose 5 reads what 2.40.3 refuses

    def copy(self, to: Path) -> Path:
        """A copy in a folder of the case's name, as project names come from folders; returns where to run."""
        shutil.copytree(self.source, to / self.name, symlinks=True)
        return Path(os.path.normpath(to / self.name / self.run_in))

    def read(self, folder: Path) -> tuple[Any, MigopsError | None]:
        """Our document, with the case's folder written as its place, or our refusal."""
        here = self.copy(folder)
        known = {"PATH": os.environ["PATH"], "HOME": "/home/ci", **dict(self.environment)}
        try:
            project = load(options(self.arguments), known, cwd=str(here), consistent=self.consistent)
            shown = to_json(project)
        except MigopsError as error:
            return None, error
        return json.loads(shown.replace(str(folder / self.name), PLACE)), None


def options(arguments: tuple[str, ...]) -> ComposeOptions:
    """The compose options of a command line."""
    lists: dict[str, list[str]] = {"files": [], "env_files": [], "profiles": []}
    single = {"project_name": "", "project_directory": ""}
    several = {"-f": "files", "--file": "files", "--env-file": "env_files", "--profile": "profiles"}
    one = {"-p": "project_name", "--project-name": "project_name", "--project-directory": "project_directory"}
    for flag, value in zip(arguments[::2], arguments[1::2], strict=True):
        if flag in several:
            lists[several[flag]].append(value)
        else:
            single[one[flag]] = value
    return ComposeOptions(**{key: tuple(values) for key, values in lists.items()}, **single)


def corpus() -> Iterator[Case]:
    """The corpus, with its variants."""
    with (CORPUS / "SOURCES.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            name = row["case"]
            base = Case(name, CORPUS / name, tuple(shlex.split(row["args"])), row["run_in"], None, None)
            yield dataclasses.replace(base, document=_json(name), refusal=_refusal(name))
            if (document := _json(f"{name}.allprofiles")) is not None:
                yield dataclasses.replace(base, document=document, arguments=(*base.arguments, "--profile", "*"))
            if (document := _json(f"{name}.noconsistency")) is not None:
                yield dataclasses.replace(base, document=document, consistent=False)


def _json(name: str) -> Any:
    file = CORPUS / "EXPECTED" / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def _refusal(name: str) -> str | None:
    file = CORPUS / "EXPECTED" / f"{name}.err"
    return without_warnings(file.read_text()) if file.exists() else None


def without_warnings(stderr: str) -> str:
    return "\n".join(line for line in stderr.strip().splitlines() if not line.startswith("time=")).strip()


def kept() -> Iterator[Case]:
    """Our own cases: disagreements with the compose CLI that were mended, and traps."""
    for folder in sorted(CASES.iterdir()):
        said = json.loads((folder / "case.json").read_text())
        yield Case(
            name=folder.name,
            source=folder / "project",
            arguments=tuple(said.get("arguments", ())),
            run_in=".",
            document=said.get("document"),
            refusal=said.get("refusal"),
            environment=tuple(said.get("environment", {}).items()),
            newer=said.get("newer"),
        )


def read_text(folder: Path, text: str, **given: Any) -> Project:
    """The project of one compose file's text."""
    (folder / "compose.yaml").write_text(text)
    return load_in(folder, **given)


def load_in(folder: Path, environment: dict[str, str] | None = None, **given: Any) -> Project:
    """The project in a folder; ``given`` are compose options."""
    return load(ComposeOptions(**given), {"HOME": "/home/ci", **(environment or {})}, cwd=str(folder))
