"""Past runs and locks, for a terminal."""

from __future__ import annotations

import shlex
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from migops.commands.log.look import LogResult, RunLog
from migops.core.printed import here
from migops.core.terminal import printable
from migops.output.console import console_for, hang, trimmed
from migops.state.journal import Run
from migops.state.owner import life_of
from migops.state.process import Life
from migops.state.state_folder import NO_ENGINE, engine_of

if TYPE_CHECKING:
    from migops.output import View

_STYLES = {"done": "green", "failed": "red", "operator": "bold red", "interrupted": "yellow"}
_OUTCOME = len("interrupted, exit 130")  # the longest


def listing(result: LogResult, view: View) -> str:
    """The runs, a line each, with commands for those that were cut off; and the locks."""
    out = StringIO()
    console = console_for(view, out)
    run_log = result.log
    earlier = len(run_log.runs) - len(result.runs)
    _unread(console, run_log)
    if not result.runs:
        console.print(Text(f"no runs on {run_log.project} in this user's journal"))
    else:
        console.print(
            Text(f"  {'run':>4}  {'started (UTC)':<19}  {'took':>7}  {'outcome':<{_OUTCOME}}  command", "dim")
        )
    for run in result.runs:
        _row(console, run, engine_of(run.path.parent.parent) if len(run_log.folders) > 1 else "")
    if earlier:
        console.print(Text(f"  and {earlier} earlier runs: {here().say('log', '-n', str(len(run_log.runs)))}"))
    console.print()
    _locks(console, run_log)
    return trimmed(out)


def one(result: LogResult, view: View) -> str:
    """A run with its steps and their values; without an engine, the run of that number on each."""
    out = StringIO()
    console = console_for(view, out)
    _unread(console, result.log)
    for place, run in enumerate(result.runs):
        if place:
            console.print()
        if len(result.log.folders) > 1:
            console.print(Text(f"engine {printable(engine_of(run.path.parent.parent))}"))
        _steps(console, run)
    return trimmed(out)


def _steps(console: Console, run: Run) -> None:
    console.print(Text.assemble(_outcome(run), Text(f"  run {run.number}: {printable(_words(run))}", "bold")))
    hang(console, Text("  started"), Text(f"{_when(run.began)} UTC by {printable(str(run.who))}"), 10)
    if run.ended:
        hang(console, Text("  ended"), Text(f"{_when(run.ended)} UTC, exit {run.exit}"), 10)
    if run.message:
        hang(console, Text("  message"), Text(printable(run.message)), 10)
    for step in run.steps:
        console.print()
        title = f"  {_when(str(step.get('at')))[11:]}  {step.get('step')}: {step.get('status')}"
        console.print(Text(printable(title), "bold"))
        for key, value in step.items():
            if key not in ("at", "step", "status") and value not in (None, "", [], {}):
                hang(console, Text(f"    {key}"), Text(printable(_text(value))), 18)
    if run.is_interrupted:
        console.print()
        hang(console, Text("  next", "bold"), Text(_what_to_look_at(run)), 10)


def _unread(console: Console, run_log: RunLog) -> None:
    """Without an engine: which folders were read instead, and why."""
    if not run_log.unread:
        return
    hang(console, Text("Docker", "bold"), Text(printable(f"not asked: {run_log.unread}"), "yellow"), 18)
    if run_log.hint:
        hang(console, Text(""), Text(printable(run_log.hint)), 18)
    for place, folder in enumerate(run_log.folders):
        lead = Text("" if place else "state folder", "bold")
        lead.set_length(18)
        console.print(lead.append(printable(str(folder)), "not bold"), soft_wrap=True)  # a path is never broken
    console.print()


def _row(console: Console, run: Run, engine: str = "") -> None:
    lead = Text(f"  {run.number:>4}  {_when(run.began):<19}  {_took(run):>7}  ")
    outcome = _outcome(run)
    outcome.set_length(_OUTCOME)
    lead.append_text(outcome).append("  ")
    on_engine = f"  (engine {engine})" if engine else ""
    hang(console, lead, Text(printable(_words(run) + on_engine)), 40 + _OUTCOME)
    if run.is_interrupted:
        hang(console, Text(""), Text(_what_to_look_at(run), "yellow"), 8)


def _words(run: Run) -> str:
    """The command with its arguments; Alembic's have its verb among them."""
    command = "alembic" if run.command.startswith("alembic ") else run.command
    return " ".join((command, *run.arguments))


def _outcome(run: Run) -> Text:
    if run.outcome:
        return Text(f"{run.outcome}, exit {run.exit}", _STYLES.get(run.outcome, "yellow"))
    return Text("CUT OFF", "bold red") if run.is_interrupted else Text("running", "cyan")


def _what_to_look_at(run: Run) -> str:
    last = run.last
    step = f"after {last.get('step')!r} was {last.get('status')}" if last else "before its first step"
    container = next((str(each["container"]) for each in reversed(run.steps) if each.get("container")), "")
    look = f"docker ps -a --no-trunc --filter name={container}; " if container.startswith("migops-") else ""
    ways = f"{shlex.join(here().log(run.number))}; {look}{here().say('status')}"
    if run.command == "doctor --fix" and run.has("write"):
        asked = ("--no-engine",) if engine_of(run.path.parent.parent) == NO_ENGINE else ()
        ways = f"{here().say('doctor', '--undo', str(run.number), *asked)} puts the edited files back"
    return f"process {run.who.pid} died {step}. Check what is left: {ways}"


def _locks(console: Console, run_log: RunLog) -> None:
    held = str(run_log.host) if run_log.host else "not held"
    hang(console, Text("host lock", "bold"), Text(printable(held)), 18)
    if run_log.unread:
        text = "unknown: Docker was not asked, see above"
    elif (engine := run_log.engine) is not None:
        unlock = "" if engine.owner.who.life is Life.LIVES else f": {shlex.join(run_log.unlock)}"
        text = f"{engine.owner}; {life_of(engine.owner.who)}{unlock}"
    else:
        text = "not held"
    hang(console, Text("engine lock", "bold"), Text(printable(text)), 18)
    database = run_log.database
    if run_log.unread:
        text = "unknown: Docker was not asked, see above"
    elif database.unknown:
        text = f"unknown: {database.unknown}"
    elif database.holder is None:
        text = f"not held ({database.database})"
    else:
        alive = {
            True: "; its process is running",
            False: f"; its process IS GONE: {shlex.join(run_log.unlock)}",
            None: "",
        }
        text = f"{database.holder}{alive[database.is_alive]}"
    hang(console, Text("database lock", "bold"), Text(printable(text)), 18)


def _when(text: str) -> str:
    return text[:19].replace("T", " ")


def _took(run: Run) -> str:
    from datetime import datetime

    if not run.ended:
        return "-"
    seconds = (datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.began)).total_seconds()
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
