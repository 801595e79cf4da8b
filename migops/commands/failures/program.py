"""Where the image has Alembic's program, if it is not on the PATH."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from migops.commands.failures.failure import Step
from migops.commands.failures.inputs import FailureInputs
from migops.core.errors import MigopsError
from migops.docker import Engine
from migops.images import open_image
from migops.target import Target

_FOLDERS = (".venv", "venv", "env", "/opt/venv", "/opt/.venv", "/venv", "/.venv", "/app/.venv", "/root/.local")
"""Virtual environments where Dockerfiles usually make them; relative ones below the working directory."""


def find_programs(target: Target, engine: Engine) -> tuple[str, ...]:
    """The paths of Alembic's program in the usual virtual environments of the image; () if none can be seen."""
    try:
        with open_image(target.image, engine=lambda: engine) as image:
            home = target.working_dir or image.config.working_dir or "/"
            paths = [posixpath.normpath(posixpath.join(home, folder, "bin/alembic")) for folder in _FOLDERS]
            there = image.read(dict.fromkeys(paths))
            return tuple(path for path in dict.fromkeys(paths) if path in there)
    except MigopsError:
        return ()


def name_program(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The line of the compose file that names the program which the image has."""
    project, service = inputs.target.model, inputs.target.service
    if not inputs.programs or project is None or service not in project.services:
        return
    yield Step(
        f"the image has it at {inputs.programs[0]}: in {project.services[service].location}, under service {service}, "
        f"write x-migops: {{alembic: {inputs.programs[0]}}}"
    )


def name_section(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The same call for each history of a configuration that has no section of the usual name."""
    if not inputs.target.sections or not inputs.again or {"-n", "--name", "-c", "--config"} & {*inputs.arguments}:
        return
    at = len(inputs.again) - len(inputs.arguments)
    for section in inputs.target.sections:
        command = (*inputs.again[:at], "-n", section, *inputs.again[at:])
        yield Step(f"{inputs.target.config.name} has no section [alembic]: for the history of [{section}]", command)
