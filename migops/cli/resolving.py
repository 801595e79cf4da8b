"""The target of a command by its options and the settings of the checkout, and what was chosen on the way."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from migops.cli.options import compose_options_of, variable
from migops.core.errors import ExitCode, MigopsError
from migops.core.location import Location

if TYPE_CHECKING:
    from migops.cli.settings import Settings
    from migops.compose import ComposeOptions, Project
    from migops.core.model import Silenced
    from migops.docker import Engine
    from migops.target import Target, Wanted


FILE = ".migops.toml"
Result = TypeVar("Result")
_TABLE = re.compile(rb"^\s*\[+\s*tool\s*\.\s*[\"']?migops\b|^\s*tool\s*\.\s*migops\b", re.MULTILINE)


def settings_file(cwd: Path) -> Path | None:
    """The nearest file with settings at or above the folder, but not above the root of its git checkout. Outside of a
    checkout only the folder itself counts: what lies above may be somebody else's.

    MigopsError if a folder has two.
    """
    for folder in _folders(cwd):
        own, shared = folder / FILE, folder / "pyproject.toml"
        has_table = shared.is_file() and _TABLE.search(shared.read_bytes()) is not None
        if own.is_file() and has_table:
            raise MigopsError(
                f"both {FILE} and pyproject.toml have settings of migops", at=Location(str(folder)),
                hint=f"keep one of the two: [tool.migops] of pyproject.toml, or {FILE}",
            )  # fmt: skip
        if own.is_file() or has_table:
            return own if own.is_file() else shared
    return None


def _folders(cwd: Path) -> list[Path]:
    """The folder and those above it up to the root of its git checkout; itself alone if there is none."""
    upwards = [cwd, *cwd.parents]
    root = next((number for number, folder in enumerate(upwards) if (folder / ".git").exists()), 0)
    return upwards[: root + 1]


def settings_of(command: str, cwd: Path) -> tuple[Settings | None, dict[str, Any]]:
    """The settings of the checkout, and the command's default parameters by them. MigopsError if they are invalid."""
    path = settings_file(cwd)
    if path is None:
        return None, {}
    from migops.cli import settings

    found = settings.read(path, cwd)
    return found, settings.defaults(found, command, os.environ)


def resolve(wanted: Wanted, given: Mapping[str, Any], *, again: bool = False) -> Target:
    """``target.resolve`` for the command line in ``given``, in the current folder. ``again``: tell nothing twice."""
    from migops import target

    if wanted.context or (wanted.image and wanted.host_dir):  # a compose file is read only if options name one
        given = {**given, "files": ()} if by_settings("files") else given
        is_alone = wanted.context or not any(given.get(key) for key in _OF_COMPOSE)
        wanted = replace(wanted, service="") if is_alone and not is_typed("service") else wanted
    try:
        resolved = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    except MigopsError as error:
        if by_settings("service") and error.message == f"no such service: {wanted.service}":
            error.hint += f"; it is set in {click.get_current_context().obj.service_at}"
        raise
    if not again:
        tell(resolved.notices)
    return resolved


def project_of(wanted: Wanted, options: ComposeOptions) -> str:
    """The name of the compose project, for what lies in its state folder: that needs no configuration of Alembic.

    MigopsError if there is no compose file, or no such service.
    """
    from migops import target
    from migops.compose import EnvFiles
    from migops.target.resolve import load_project

    try:
        return target.resolve(wanted, options, os.environ, Path.cwd()).project
    except MigopsError:
        found = load_project(wanted.command, options, os.environ, Path.cwd(), env_files=EnvFiles.OPTIONAL).project
        if wanted.service:
            found.service(wanted.service)
        return found.name


def reached(stack: ExitStack, timeout: float) -> Engine | MigopsError:
    """The engine, open until the stack closes; or why there is none, for a command that can do without."""
    from migops.docker import connect

    try:
        return stack.enter_context(connect(timeout))
    except MigopsError as error:
        return error


def answer(
    name: str, resolved: Target, wanted: Wanted, given: Mapping[str, Any], judge: Callable[[Target], Result],
    code: Callable[[Result], ExitCode],
) -> int:  # fmt: skip
    """Judge the target, or as with ``--name`` each history of its configuration; write it, and return the exit code."""
    if resolved.sections:
        from migops.cli.sections import together

        targets = (resolve(replace(wanted, section=each), given, again=True) for each in resolved.sections)
        return together(name, resolved, targets, given, judge, code)
    from migops.cli.output import show

    result = judge(resolved)
    show(name, result, given)
    return int(code(result))


def silenced(given: Mapping[str, Any], resolved: Target | None = None) -> tuple[Silenced, ...]:
    """The rules that the settings leave out of this call, by id, each with its reason and line; of a target also those
    that its compose file leaves out.

    MigopsError, with the line, if an entry names no rule.
    """
    entries: tuple[Silenced, ...] = ()
    if resolved is not None and resolved.model is not None and _has_extension(resolved.model, resolved.service):
        from migops.target.suppression import suppressed

        entries = suppressed(resolved.model, resolved.service)
    settings = click.get_current_context().obj
    if settings is not None and by_settings("ignore"):
        entries += settings.ignore
    return _by_id(entries, given) if entries else ()


def _has_extension(model: Project, service: str) -> bool:
    """Whether the compose file has an ``x-migops`` that may leave rules out; most have none."""
    own = model.services.get(service)
    return "x-migops" in model.extensions or (own is not None and "x-migops" in own.extensions)


def _by_id(entries: Sequence[Silenced], given: Mapping[str, Any]) -> tuple[Silenced, ...]:
    from migops import rules

    by_id: dict[str, Silenced] = {}
    for entry in entries:
        try:
            rules.chosen((), (entry.rule,))
        except MigopsError as error:
            raise MigopsError(error.message, at=entry.at, hint=error.hint) from None
        left = {rule.id for rule in rules.chosen(given["select"], (), "doctor")}
        left -= {rule.id for rule in rules.chosen(given["select"], (entry.rule,), "doctor")}
        by_id = {**{rule: replace(entry, rule=rule) for rule in left}, **by_id}
    return tuple(by_id[rule] for rule in sorted(by_id))


def by_default(parameter: str) -> Any:
    """The settings' value of a parameter that the command does not have itself; None if there is none."""
    return (click.get_current_context().default_map or {}).get(parameter)


def is_typed(parameter: str) -> bool:
    """Whether the parameter was given on the command line."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def tell(notices: Iterable[str]) -> None:
    """Print sentences on standard error, so that the answer on standard output stays as it is."""
    for notice in notices:
        from migops.core.terminal import printable  # most calls have none

        click.echo(f"migops: {printable(notice)}", err=True)


def pairs(words: Sequence[str]) -> dict[str, str]:
    """The values of --build-arg. MigopsError if one has no ``=``."""
    for word in words:
        if "=" not in word:
            raise MigopsError(f"--build-arg must be NAME=VALUE, not {word!r}")
    return dict(word.split("=", 1) for word in words)


_NEED_CONTEXT = {"dockerfile": "--dockerfile", "stage": "--target", "build_args": "--build-arg"}
_OF_COMPOSE = {
    "files": "--file", "project_name": "--project-name", "env_files": "--env-file", "profiles": "--profile",
    "project_directory": "--project-directory",
}  # fmt: skip
_NEED_IMAGE = {"image": "--image", "all_files": "--all-files", "drift": "--drift"}


def check_together(given: Mapping[str, Any]) -> None:
    """Refuse two options if one of them would have no effect."""
    context = given.get("context")
    for key, name in _NEED_CONTEXT.items():
        if given.get(key) and not context:
            raise MigopsError(
                f"{_given(name)} needs --context: otherwise the compose file defines how the image is built",
                hint=f"add --context DIR, or omit {name}",
            )
    if context:
        _refuse(given, _OF_COMPOSE, "--context", "no compose file is read with it")
    if given.get("no_engine"):
        _refuse(given, _NEED_IMAGE, "--no-engine", "no image is read with it")


def by_settings(parameter: str) -> bool:
    """Whether the parameter's value is from the settings of the checkout."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(parameter) is ParameterSource.DEFAULT_MAP


def _refuse(given: Mapping[str, Any], names: Mapping[str, str], other: str, why: str) -> None:
    for key, name in names.items():
        if given.get(key) and not by_settings(key):
            raise MigopsError(
                f"{_given(name)} and {_given(other)} cannot be combined: {why}", hint="omit one of the two"
            )


def _given(name: str) -> str:
    return f"{name} (set by {variable(name)})" if os.environ.get(variable(name)) else name
