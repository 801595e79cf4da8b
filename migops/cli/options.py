"""Options that several commands share, declared once. Each can be set by a ``MIGOPS_*`` environment variable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from migops.core.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.compose import ComposeOptions

Command = TypeVar("Command", bound=Callable[..., Any])


EXIT = {"clean": ExitCode.CLEAN, "findings": ExitCode.FINDINGS, "unknown": ExitCode.NO_VERDICT}
"""The exit code of a verdict."""


class Listed(click.types.StringParamType):
    """Text of which an environment variable may hold several, separated by ``separator``."""

    def __init__(self, separator: str) -> None:
        self.separator = separator

    def split_envvar_value(self, rv: str) -> list[str]:
        return [part.strip() for part in rv.split(self.separator) if part.strip()]


FILES, NAMES, LINES = Listed(os.pathsep), Listed(","), Listed("\n")


class FormatOption(click.Option):
    """--format. MIGOPS_FORMAT is for all commands, and does not count for one that has no such format."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        from migops.output import FORMATS

        value = super().resolve_envvar_value(ctx)
        choices = self.type.choices if isinstance(self.type, click.Choice) else ()
        return None if value in FORMATS and value not in choices else value


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """A click option mirrored by an environment variable: ``--fail-on`` by ``MIGOPS_FAIL_ON``."""
    long = next(name for name in names if name.startswith("--"))
    return click.option(*names, envvar=variable(long), **settings)


def _several(*names: str, **settings: Any) -> Callable[[Command], Command]:
    return option(*names, multiple=True, **settings)


def variable(name: str) -> str:
    """The environment variable of an option's long name."""
    return "MIGOPS_" + name.split("/")[0].removeprefix("--").replace("-", "_").upper()


def existing(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """The compose files as given. MigopsError, with the line, if the settings of the checkout name one that is not
    there."""
    if context.get_parameter_source(parameter.name or "") is ParameterSource.DEFAULT_MAP:
        for file in value:
            if not os.path.exists(file):  # noqa: PTH110 - a value of an option, not a path to work with
                raise MigopsError(
                    f"no such compose file: {file}",
                    at=context.obj.files_at,
                    hint="correct `file` there, or give -f FILE",
                )
    return value


def compose_options(command: Command) -> Command:
    """-f, -p, --env-file, --profile and --project-directory, as ``docker compose`` has them."""
    for add in reversed(
        (
            _several(
                "-f",
                "--file",
                "files",
                type=FILES,
                metavar="FILE",
                callback=existing,
                help="Compose file (repeatable).",
            ),
            option("-p", "--project-name", metavar="NAME", help="Compose project name."),
            _several("--env-file", "env_files", type=FILES, metavar="FILE", help="Environment file (repeatable)."),
            _several("--profile", "profiles", type=NAMES, metavar="NAME", help="Enable a profile (repeatable)."),
            option("--project-directory", metavar="DIR", help="Base folder for relative paths in the compose files."),
        )
    ):
        command = add(command)
    return command


def compose_options_of(given: Mapping[str, Any]) -> ComposeOptions:
    """The values of ``compose_options``, as the loader takes them."""
    from migops.compose import ComposeOptions

    return ComposeOptions(
        given["files"], given["project_name"] or "", given["env_files"], given["profiles"],
        given["project_directory"] or "",
    )  # fmt: skip


def rule_options(command: Command) -> Command:
    """--select, --ignore and --fail-on: which rules run, and which findings make exit code 1."""
    add = option(
        "--fail-on",
        type=click.Choice(["error", "warning", "info"]),
        default="error",
        show_default=True,
        help="Exit with 1 if there is a finding of this severity or worse.",
    )
    return select_options(add(command))


def select_options(command: Command) -> Command:
    """--select and --ignore: which rules run."""
    for add in reversed(
        (
            _several(
                "--select", type=NAMES, metavar="RULE", help="Run only these rules (id, prefix or name; repeatable)."
            ),
            _several("--ignore", type=NAMES, metavar="RULE", help="Skip these rules (id, prefix or name; repeatable)."),
        )
    ):
        command = add(command)
    return command


def format_option(answer: str) -> Callable[[Command], Command]:
    """--format, with the formats that the registry of renderers has for the answer; the first is the default."""
    from migops.output import formats

    choices = formats(answer)
    return option(
        "--format", "format_", cls=FormatOption, type=click.Choice(choices), default=choices[0], show_default=True,
        help="Output format.",
    )  # fmt: skip


output_option = option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE instead of standard output."
)
color_option = option("--no-color", is_flag=True, help="No colours, even on a terminal (NO_COLOR works too).")
timeout_option = option(
    "--timeout", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Seconds to wait for Docker."
)
image_option = option(
    "--image",
    metavar="REF",
    default="",
    help="Image (default: the service's); docker-archive:FILE and oci:DIR work too.",
)


def context_options(command: Command) -> Command:
    """--context, and with it how its image is built: --dockerfile, --target and --build-arg."""
    given = "With --context: "
    for add in reversed(
        (
            option(
                "--context", metavar="DIR", default="",
                help="Build context to compare with; no compose file is read then.",
            ),
            option(
                "--dockerfile", metavar="FILE", default="",
                help=f"{given}the Dockerfile (default: Dockerfile in the context).",
            ),
            option("--target", "stage", metavar="STAGE", default="", help=f"{given}the build stage of the image."),
            _several(
                "--build-arg", "build_args", metavar="NAME=VALUE", type=LINES,
                help=f"{given}a build argument (repeatable).",
            ),
        )
    ):  # fmt: skip
        command = add(command)
    return command


host_dir_option = option(
    "--host-dir",
    metavar="DIR",
    default="",
    help="Host folder with Alembic's configuration (default: the build context).",
)


def configuration_options(command: Command) -> Command:
    """--config and --name: which configuration of Alembic is meant, by its file on the host and its section."""
    name = option(
        "--name", "section", metavar="SECTION", default="", help="Section of the configuration file (default: alembic)."
    )
    config = option(
        "--config",
        metavar="FILE",
        default="",
        help="Alembic's configuration file on the host (default: auto-detected).",
    )
    return config(name(command))


def _start_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from migops.core import debug

        debug.start()


debug_option = option(
    "--debug", is_flag=True, is_eager=True, expose_value=False, callback=_start_debug,
    help="Log every request, command and SQL statement with its duration to standard error, redacted.",
)  # fmt: skip
"""Before or after the command's name; ``main.Commands`` adds it to every command."""


def stream(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    """The callback of ``-v``: the output of builds, migrations, … is written as it comes."""
    if value and not context.resilient_parsing:
        from migops.core import progress

        progress.stream_all()
    return value


def output_options(answer: str) -> Callable[[Command], Command]:
    """--format, --output, --no-color, -v and -q."""

    def decorate(command: Command) -> Command:
        for add in reversed(
            (
                format_option(answer),
                output_option,
                color_option,
                option(
                    "-v",
                    "--verbose",
                    is_flag=True,
                    callback=stream,
                    help="Show the facts behind each finding, long lists in full, and the output of what is run.",
                ),
                option("-q", "--quiet", is_flag=True, help="Print only the verdict."),
            )
        ):
            command = add(command)
        return command

    return decorate
