"""The user's options, to be repeated in the commands that are printed."""

from __future__ import annotations

from collections.abc import Mapping

from migops.compose import ComposeOptions
from migops.core.printed import without_password
from migops.target.target import Wanted


def named(wanted: Wanted, environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The options that select the target, for printed commands; without those that the environment sets."""
    url = "" if environment.get("MIGOPS_DATABASE_URL") == wanted.database_url else wanted.database_url
    options = (
        ("--image", wanted.image), ("--context", wanted.context), ("--dockerfile", wanted.dockerfile),
        ("--target", wanted.stage), *(("--build-arg", f"{name}={value}") for name, value in wanted.build_args.items()),
        ("--host-dir", wanted.host_dir), ("--config", wanted.config), ("--name", wanted.section),
        ("--database-url", without_password(url)),
    )  # fmt: skip
    return tuple((name, value) for name, value in options if value)


def compose_command(options: ComposeOptions) -> tuple[str, ...]:
    """``docker compose`` with the user's options."""
    words = ["docker", "compose"]
    for file in options.files:
        words += ["-f", file]
    if options.project_name:
        words += ["-p", options.project_name]
    for file in options.env_files:
        words += ["--env-file", file]
    for profile in options.profiles:
        words += ["--profile", profile]
    if options.project_directory:
        words += ["--project-directory", options.project_directory]
    return tuple(words)
