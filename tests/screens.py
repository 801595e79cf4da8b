"""The pictures of the README, from real runs: ``python -m tests.screens`` (a real engine; half a minute).

Each is what the command prints in a terminal of 100 columns, in the stale example, made into an SVG that loads nothing.
"""

from __future__ import annotations

import html
import io
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.deploy.stack import incident
from tests.engine import engine
from tests.engine.sandbox import Sandbox
from tests.guide.terminal import coloured
from tests.kit import with_migops

FOLDER = Path(__file__).parents[1] / "docs" / "screens"
OPTIONS = "-f docker-compose.prod.yml"
SCREENS: Mapping[str, tuple[str, int]] = {
    "check-image": (f"migops check-image {OPTIONS} app", 1),
    "status": (f"migops status {OPTIONS} app", 0),
}
"""The command of each picture, and its exit code."""
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
    with tempfile.TemporaryDirectory(prefix="migops-screens-") as folder:
        box = Sandbox(found, PROJECT, Path(folder))
        if box.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={PROJECT}").strip():
            print(f"there is a project {PROJECT} on this engine already; take it down first", file=sys.stderr)
            return 1
        try:
            stack = incident(box)
            environment = {**with_migops(stack.env), "COLUMNS": str(WIDTH), "TERM": "xterm"}
            for name, (command, expected) in SCREENS.items():
                code, output = coloured(command, (), stack.project, environment)
                if code != expected:
                    print(f"{command} ends with {code}, not {expected}:\n{output}", file=sys.stderr)
                    return 1
                (FOLDER / f"{name}.svg").write_text(picture(name, command, output), encoding="utf-8")
        finally:
            box.clean()
    return 0


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    sys.exit(main())
