"""The pictures of the README, from real runs: ``python -m tests.screens`` (a real engine; a minute).

Each is what the command prints in a terminal of 100 columns, in the stale example or the guide's mess, made into an SVG
that loads nothing.
"""

from __future__ import annotations

import html
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.deploy.stack import Stack, incident
from tests.engine import engine
from tests.engine.sandbox import Sandbox
from tests.guide.story import mess
from tests.guide.terminal import coloured
from tests.kit import with_migops

FOLDER = Path(__file__).parents[1] / "docs" / "screens"
OPTIONS = "-f docker-compose.prod.yml"


@dataclass(frozen=True)
class Screen:
    """A command, its exit code, and the project in which it is typed."""

    command: str
    code: int
    project: Callable[[Sandbox], Stack]


SCREENS: Mapping[str, Screen] = {
    "check-image": Screen(f"migops check-image {OPTIONS} app", 1, incident),
    "status": Screen(f"migops status {OPTIONS} app", 0, incident),
    "doctor": Screen(f"migops doctor {OPTIONS} app", 1, mess),
}
PROJECT = "llm-bot"
WIDTH = 100
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_TEXT = re.compile(r'<text class="[^"]*-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>')
_CELL = 12.2
"""The width of a character in rich's pictures."""
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def picture(name: str, command: str, output: str) -> str:
    """The output with its colours as an SVG, below the command that was typed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.assemble(("$ ", "dim"), (command, "bold"), "\n", Text.from_ansi(output)))
    code = _FORMAT.replace("Fira Code, monospace", _FONT)
    return console.export_svg(title="migops", code_format=code, unique_id=f"migops-{name}")


def shown(picture: str) -> str:
    """The text of a picture, line by line."""
    rows: dict[float, str] = {}
    for x, y, text in _TEXT.findall(picture):
        column = round(float(x) / _CELL)
        rows[float(y)] = rows.get(float(y), "").ljust(column) + html.unescape(text).replace("\xa0", " ")
    return "\n".join(rows[y].rstrip() for y in sorted(rows))


def main() -> int:
    found = engine.up()
    for name, screen in SCREENS.items():
        with tempfile.TemporaryDirectory(prefix="migops-screens-") as folder:
            box = Sandbox(found, PROJECT, Path(folder))
            if box.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={PROJECT}").strip():
                print(f"there is a project {PROJECT} on this engine already; take it down first", file=sys.stderr)
                return 1
            try:
                draw(name, screen, screen.project(box))
            finally:
                box.clean()
    return 0


def draw(name: str, screen: Screen, stack: Stack) -> None:
    environment = {**with_migops(stack.env), "COLUMNS": str(WIDTH), "TERM": "xterm"}
    code, output = coloured(screen.command, (), stack.project, environment)
    assert code == screen.code, f"{screen.command} ends with {code}:\n{output}"
    (FOLDER / f"{name}.svg").write_text(picture(name, screen.command, output), encoding="utf-8")


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    sys.exit(main())
