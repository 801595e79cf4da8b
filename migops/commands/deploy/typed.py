"""The command of a deploy, as it can be typed again."""

from __future__ import annotations

from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options


def typed(inputs: DeployInputs, options: Options, *more: str) -> tuple[str, ...]:
    """``migops rebuild-and-migrate`` with those options that a second call needs as well, and with ``more``."""
    flags = {
        "--cache": options.cache, "--pull": options.pull, "--no-pull": not options.fetch,
        "--no-backup": not options.backup, "--rehearse": options.rehearse,
        "--accept-migrating-entrypoint": options.accept_migrating,
    }  # fmt: skip
    words = [name for name, is_set in flags.items() if is_set]
    if options.on_failure == "downgrade":
        words += ["--on-failure", "downgrade"]
    for name, revisions in (("--repeat", options.repeat), ("--discard", options.discard)):
        words += [word for each in revisions for word in (name, each)]
    services = (each.name for each in inputs.services)
    return inputs.target.commands.migops("rebuild-and-migrate", *words, *more, *services, service="")
