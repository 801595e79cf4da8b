"""``migops graph``: the revision graph of the host's migrations, drawn or as data, however broken it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import option
from migops.errors import ExitCode, MigopsError
from migops.history.graph import Graph
from migops.history.locate import ScriptPaths
from migops.history.problem import Problem
from migops.model import Entry, EntryKind, Location, Revision

if TYPE_CHECKING:
    from migops.history.config import ConfigFile


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is known of a place's history: where it is, what it is, what is wrong with it."""

    paths: ScriptPaths
    graph: Graph
    problems: tuple[Problem, ...]


@click.command("graph")
@click.argument("service", required=False)
@option("-c", "--config", metavar="FILE", help="alembic.ini or pyproject.toml [default: those of the current folder].")
@option("-n", "--name", default="alembic", show_default=True, metavar="SECTION", help="Section of the ini file.")
@click.option(
    "--set", "settings", multiple=True, metavar="OPTION=VALUE",
    help="An option that the application's code sets, such as script_location (repeatable).",
)
@option(
    "--format", "format_", type=click.Choice(["text", "json", "mermaid"]), default="text", show_default=True,
    help="Output format.",
)
@option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE instead of standard output.")
@option("--fail-on", type=click.Choice(["error", "warning", "info"]), help="Exit with 1 on problems this bad.")
@option("--no-color", is_flag=True, help="No colours, even on a terminal (NO_COLOR works too).")
def graph(service: str | None, config: str | None, name: str, settings: Sequence[str], **given: Any) -> int:
    """Draw the revision graph of SERVICE, or of a configuration file; broken histories are drawn too.

    \b
    Exit codes: 0 drawn, 1 problems (with --fail-on), 2 bad input, 3 there is nothing to draw
    """
    if service is not None:
        raise MigopsError("a service's graph cannot be drawn yet", hint="migops graph --config path/to/alembic.ini")
    drawing = draw(config, name, os.getcwd(), _settings(settings))  # noqa: PTH109 - $PWD as it is, links unresolved
    _write(render(drawing, given["format_"], _color(given)), given["output"])
    if not drawing.graph.revisions:
        return int(ExitCode.NO_VERDICT)
    return int(ExitCode.FINDINGS if _fails(drawing.problems, given["fail_on"]) else ExitCode.CLEAN)


def draw(config: str | None, section: str, cwd: str, set_by_app: Mapping[str, str]) -> Drawing:
    """Read the history that ``alembic -c config -n section`` would read, started in ``cwd``.

    Raises MigopsError where the configuration cannot be read at all; whatever else is wrong becomes a problem.
    """
    from migops.history.config import parse_config
    from migops.history.graph import build
    from migops.history.locate import locate
    from migops.history.scripts import read_history
    from migops.places.host import read_tree

    def parse(path: Path) -> ConfigFile | None:
        try:
            return parse_config(path.read_bytes(), path.as_posix(), section)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MigopsError(f"cannot read it: {error.strerror}", at=Location(str(path))) from None

    named = Path(cwd, config) if config else None
    is_toml = named is not None and named.name == "pyproject.toml"
    ini = parse(named if named and not is_toml else Path(cwd, "alembic.ini"))
    toml = parse(named if named and is_toml else Path(cwd, "pyproject.toml"))
    _something_given(ini, toml, config, is_toml, set_by_app)
    paths = locate(ini, toml, cwd=cwd, exists=os.path.lexists, set_by_app=set_by_app)
    tree = read_tree([Path(folder) for folder in paths.version_locations], Path("/"))
    if paths.script_location and Path(paths.script_location).exists():
        tree.setdefault(paths.script_location, Entry(paths.script_location, EntryKind.DIRECTORY))
    history = read_history(tree, paths)
    built = build(history.revisions, history.unreadable, folder=", ".join(paths.version_locations))
    # An empty history that was never found is told once, by the reason why it was not found.
    found = [each for each in built.problems if each.rule != "MIG305" or not history.problems]
    return Drawing(paths, built, (*history.problems, *found))


def _something_given(
    ini: ConfigFile | None, toml: ConfigFile | None, config: str | None, is_toml: bool, set_by_app: Mapping[str, str]
) -> None:
    """A file that was named must be there; without a name, either of Alembic's own two, or --set."""
    hint = "name the file: migops graph --config path/to/alembic.ini"
    if config is not None and (toml if is_toml else ini) is None:
        raise MigopsError("there is no such file", at=Location(config), hint=hint)
    if ini is None and not (toml and toml.has_section) and not set_by_app:
        raise MigopsError("no alembic.ini, and no pyproject.toml with [tool.alembic], in the current folder", hint=hint)


def _settings(given: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise MigopsError(f"--set takes OPTION=VALUE, not {wrong[0]!r}", hint="--set script_location=migrations")
    return {name: value for name, _, value in pairs}


def _fails(problems: Sequence[Problem], level: str | None) -> bool:
    warnings = {"MIG305"}
    return any(level in ("warning", "info") or (level and each.rule not in warnings) for each in problems)


def render(drawing: Drawing, format_: str, color: bool = False, width: int = 80) -> str:
    """The drawing as text, JSON (schema 1) or a mermaid flowchart."""
    if format_ == "json":
        return as_json(drawing)
    return as_mermaid(drawing.graph) if format_ == "mermaid" else as_text(drawing, color, width)


def as_json(drawing: Drawing) -> str:
    """The written contract; every key is always there."""
    revisions = [
        {
            "id": each.id,
            "parents": list(each.parents),
            "depends_on": list(each.depends_on),
            "branch_labels": list(each.branch_labels),
            "path": _shown(each.path),
        }
        for each in drawing.graph.revisions
    ]
    problems = [
        {
            "rule": each.rule,
            "file": _shown(each.at.file),
            "line": each.at.line,
            "message": each.message,
            "revisions": list(each.revisions),
            "hint": each.hint,
        }
        for each in drawing.problems
    ]
    answer = {
        "schema": 1,
        "script_location": _shown(drawing.paths.script_location) or None,
        "version_locations": [_shown(each) for each in drawing.paths.version_locations],
        "revisions": revisions,
        "heads": list(drawing.graph.heads),
        "bases": list(drawing.graph.bases),
        "problems": problems,
        "notes": [_near(note) for note in drawing.paths.notes],
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def as_mermaid(graph: Graph) -> str:
    """A flowchart, oldest at the bottom; dotted lines are ``depends_on``."""
    names = {each: f"r{number}" for number, each in enumerate(graph.by_id)}
    text = ["flowchart BT"]
    for each, revision in graph.by_id.items():
        words = f"{each}: {revision.message}" if revision.message else each
        text.append(f'    {names[each]}["{_quoted(words)}"]')
    for each, revision in graph.by_id.items():
        for parent in revision.parents:
            if parent not in names:
                names[parent] = f"m{len(names)}"
                text.append(f'    {names[parent]}["{_quoted(parent)} (missing)"]:::missing')
            text.append(f"    {names[parent]} --> {names[each]}")
        text += [f"    {names[to]} -.-> {names[each]}" for to in graph.depends_on.get(each, ()) if to in names]
    text.append("    classDef missing stroke-dasharray: 4")
    return "\n".join(text) + "\n"


def _quoted(text: str) -> str:
    from migops.formats.terminal import printable

    return printable(text).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def as_text(drawing: Drawing, color: bool, width: int) -> str:
    """The graph for a terminal: newest first, then the problems."""
    from migops.formats.terminal import printable
    from migops.history.draw import lines

    graph = drawing.graph
    where = ", ".join(_shown(each) for each in drawing.paths.version_locations)
    text = [f"{_count(len(graph.revisions), 'revision')} in {printable(where)}" if where else "no versions folder"]
    text += [f"note: {printable(_near(note))}" for note in drawing.paths.notes]
    for line in lines(graph):
        if line.revision is None:
            text.append(line.lanes)
            continue
        words = _words(graph, line.revision)
        marks = f" ({', '.join(words)})" if words else ""
        room = width - len(line.lanes) - len(line.revision.id) - len(marks) - 2
        message = printable(line.revision.message)
        message = message if len(message) <= room else message[: max(room - 1, 0)] + "…"
        identifier = printable(line.revision.id)
        if color:
            identifier = click.style(identifier, fg="green" if line.revision.id in graph.heads else "yellow")
            marks = click.style(marks, fg="cyan")
        text.append(f"{line.lanes} {identifier}{marks} {message if room > 1 else ''}".rstrip())
    for problem in drawing.problems:
        rule = click.style(problem.rule, fg="red", bold=True) if color else problem.rule
        text += ["", f"{rule} {printable(_location(problem.at))}", f"  {printable(problem.message)}"]
        text += [f"  try: {printable(problem.hint)}"] if problem.hint else []
    return "\n".join(text) + "\n"


def _words(graph: Graph, revision: Revision) -> list[str]:
    words = ["head"] if revision.id in graph.heads else []
    words += ["base"] if not revision.parents else []
    words += ["merge"] if revision.id in graph.merges else []
    words += ["branch point"] if revision.id in graph.branch_points else []
    words += [f"label {label}" for label in revision.branch_labels]
    words += [f"needs {each}" for each in graph.depends_on.get(revision.id, ())]
    words += [f"parent {parent!r} is missing" for parent in revision.parents if parent not in graph.by_id]
    return words + (["duplicate"] if graph.by_id[revision.id] is not revision else [])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _location(at: Location) -> str:
    return str(Location(_shown(at.file), at.line))


def _shown(path: str) -> str:
    """A path as a person in the current folder would write it; absolute where it lies outside."""
    here = os.getcwd().rstrip("/") + "/"  # noqa: PTH109
    return path.removeprefix(here) if path != here[:-1] else "."


def _near(sentence: str) -> str:
    return sentence.replace(os.getcwd().rstrip("/") + "/", "")  # noqa: PTH109


def _color(given: Mapping[str, Any]) -> bool:
    plain = given["no_color"] or given["output"] or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def _write(text: str, output: str | None) -> None:
    if output:
        from migops.cli.output import write_file

        write_file(Path(output), text)
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
