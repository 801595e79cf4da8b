"""The entry point: the list of commands, and the one place that turns errors into text and exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

import click

from migops import __version__
from migops.cli.options import debug_option
from migops.core import debug, notices, printed, progress, redaction
from migops.core.errors import ExitCode, MigopsError, Stopped
from migops.core.signals import handled

COMMANDS = {
    "check-image": (
        "check_image:check_image",
        "Compare the migrations in an image with the host's, and print the command that fixes it.",
    ),
    "status": ("status:status", "Show where each revision is, from git to the database, and which are pending."),
    "doctor": ("doctor:doctor", "Run every check on the whole chain, including config, code and compose file."),
    "graph": ("graph:graph", "Draw the revision graph, broken or not."),
    "layers": ("layers:layers", "Show which layer and instruction put each file into an image."),
    "config": ("config:config", "Print the compose model as migops (and docker compose) resolves it."),
    "rescue": ("rescue:rescue", "Copy revisions that exist only in a container to the host."),
    "rebuild-and-migrate": (
        "rebuild_and_migrate:rebuild_and_migrate",
        "Deploy: build, migrate, replace the containers; verify each step, roll back on failure.",
    ),
    "alembic": (
        "alembic:alembic",
        "Run Alembic in the service's container, or in a one-off container of its current image.",
    ),
    "backup": ("backup:backup", "Take a verified dump of the application's database, or list the backups."),
    "adopt": (
        "adopt:adopt",
        "Find the revision of a database that has tables but no recorded Alembic revision, and stamp it.",
    ),
    "restore": ("restore:restore", "Replace the database with a backup; the current database is kept."),
    "reset": ("reset:reset", "Start again from the models, in development: a new database, one first revision."),
    "log": ("log:log", "List past runs and lock holders; --unlock releases a lock whose process is gone."),
    "version": ("version:version", "Print the version of migops; with --all of Docker, compose, git, Python, too."),
    "explain": ("explain:explain", "Explain a rule: what it means, why it happens and how to fix it."),
}
"""Name → (module:attribute under migops.cli, help line). A command's module is imported only when it is called."""


COMPLETING = "_MIGOPS_COMPLETE"
"""The variable by which a shell asks for completions; click then ends the process by itself."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; raised in the main thread so that everything opened is closed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Commands(click.Group):
    """A group that knows its commands' names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"migops.cli.{module}"), attribute)
        if not any(parameter.name == "debug" for parameter in command.params):
            debug_option(command)  # here once for all commands
        if COMPLETING in os.environ:
            from migops.cli.completion import complete

            complete(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from migops.core.text import did_you_mean

            ctx.fail(f"No such command {name!r}. {did_you_mean(name, COMMANDS).capitalize()}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@debug_option
@click.version_option(__version__, prog_name="migops")
def cli() -> None:
    """Find stale Alembic migrations between git, host, image, container and database.

    \b
    Start with:  migops doctor                 (read-only)
    Exit codes:  0 clean or done, 1 findings, 2 usage or bad input, 3 no verdict,
                 4 locked, 5 nothing changed, 6 failed, rolled back,
                 7 manual action needed, 70 a bug in migops
    """


def main() -> None:
    """Run the command line and end the process with the exit code of the contract."""
    # A short run makes little garbage; looking for it while modules are imported costs a tenth of the time.
    gc.disable()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error becomes one message on standard error here."""
    flags = list(takewhile(lambda word: word == "--debug", arguments))
    command_line = arguments[len(flags) :]  # from the command's name on
    if command_line and command_line[0].startswith("-"):
        from migops.cli.leading import moved  # few calls have options there

        command_line = moved(command_line)
    with redaction.scope(), printed.scope(command_line), debug.scope(), notices.scope(_warn), progress.scope():
        return _run([*flags, *command_line], command_line)


def _run(given: list[str], arguments: list[str]) -> int:
    try:
        with _signals_raise():
            settings, defaults = _settings(arguments)
            map_ = {arguments[0]: defaults} if defaults else None
            result = cli.main(args=given, prog_name="migops", standalone_mode=False, obj=settings, default_map=map_)
            return int(result or 0)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        hint = f"migops {' '.join(arguments[:1])} --help"
        _document(arguments, MigopsError(error.format_message(), hint=hint))
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        _tell("interrupted; nothing was changed")
        return int(ExitCode.INTERRUPTED)
    except Terminated as ended:
        _tell("terminated; nothing was changed")
        return 128 + ended.number
    except (BrokenPipeError, SystemExit) as ended:
        if isinstance(ended, SystemExit) and COMPLETING in os.environ:
            return int(ended.code or 0)
        # The reader of our output went away (`| head`), of which click makes a SystemExit: no one is left to tell.
        sys.stdout = None
        return int(ExitCode.BROKEN_PIPE)
    except MigopsError as error:
        _tell(describe(error))
        _document(arguments, error)
        return int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the one place where an unforeseen error becomes exit 70
        if _is_full(error):
            _tell(f"error: cannot write to standard output: {error}")
            sys.stdout = None
            return int(ExitCode.NO_VERDICT)
        import traceback

        _tell(f"migops {__version__}: this is a bug in migops; please report it with the lines below")
        _tell(redaction.redact(traceback.format_exc()))
        return int(ExitCode.BUG)


def _warn(text: str) -> None:
    from migops.core.terminal import printable

    _tell("warning: " + "\n".join(printable(line) for line in text.splitlines()))


def _settings(arguments: Sequence[str]) -> tuple[object, dict[str, Any]]:
    """The settings of the checkout, for a command that reads any of them; a call for help reads none."""
    if not arguments or arguments[0] not in COMMANDS or arguments[0] in printed.BARE or "--help" in arguments:
        return None, {}
    from migops.cli.resolving import settings_of

    return settings_of(arguments[0], Path.cwd())


def _tell(text: str) -> None:
    with suppress(OSError):  # standard error may be as full or as closed as anything
        click.echo(text, err=True)


def _is_full(error: Exception) -> bool:
    """Whether click's own output (--help) met a full or closed stream; an error of a named file is not that."""
    from migops.cli.output import FULL

    return isinstance(error, OSError) and error.filename is None and error.errno in FULL


def _document(arguments: Sequence[str], error: MigopsError) -> None:
    """Write the error as a document to standard output if the format is one for programs."""
    from migops.cli.output import OutputError, put
    from migops.output import render_failure

    if isinstance(error, OutputError):
        sys.stdout = None  # what is left in its buffer would fail again at the end of the process
    elif (format_ := _format_asked_for(arguments)) and (text := render_failure(arguments[0], error, format_)):
        with suppress(OutputError):
            put(text)


def _format_asked_for(arguments: Sequence[str]) -> str | None:
    """The format that the command line, however wrong it is, or MIGOPS_FORMAT names; None for the default."""
    command = cli.get_command(click.Context(cli), arguments[0]) if arguments else None
    if command is None:
        return None
    read = command.make_context(arguments[0], list(arguments[1:]), resilient_parsing=True, ignore_unknown_options=True)
    given = read.get_parameter_source("format_") is not click.core.ParameterSource.DEFAULT
    return read.params.get("format_") if given else None


def describe(error: MigopsError) -> str:
    """The error for a person: message and location on the first line, the fix on the next."""
    from migops.core.terminal import printable, shell_line

    lines = ["error: " + "\n".join(printable(line) for line in str(error).splitlines())]
    if error.hint:
        lines.append(f"  try: {printable(error.hint)}")
    if isinstance(error, Stopped):
        lines += ["  " + shell_line(command) for command in error.commands]
    return "\n".join(lines)


@contextmanager
def _signals_raise() -> Iterator[None]:
    def handle(number: int) -> None:
        raise Terminated(number)

    with handled(handle, (signal.SIGTERM, signal.SIGHUP)):
        yield
