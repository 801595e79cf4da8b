"""MIG209 to MIG211: Alembic in the container reads other files than those of the image that people look at."""

from __future__ import annotations

from collections.abc import Iterator

from migops.analysis.container_view import CONTAINER, HOST, IMAGE, views
from migops.analysis.evidence import Evidence, Hidden
from migops.core.model import Remedy, Severity, Subject
from migops.core.text import some
from migops.rules.rule import Match, Rule


def tmpfs_hides_migrations(evidence: Evidence) -> Iterator[Match]:
    """A tmpfs lies over the migrations, so the container sees an empty folder.

    What: Alembic in the container finds no migration there, or not even its configuration: `upgrade head` does nothing
    or dies with "Can't locate revision", whatever the image holds.

    Why: `tmpfs:` of the service, or a volume of `type: tmpfs`, was put over the folder or over one above it (a
    read-only root file system with a writable /app, say). It starts empty: nothing of the image is copied into it.

    Fix: take the tmpfs out of the compose file, or put it over a folder that holds no code, and recreate the container.
    """
    told = set()
    for view in views(evidence):
        for mount, scripts in view.under(lambda mount: mount.type == "tmpfs"):
            told.add(mount.target)
            hidden = next((each for each in evidence.hidden if each.target == mount.target), None)
            yield Match(
                Subject(path=mount.target),
                f"{view.name} does not see {some(script.name for script in scripts)} of the image: "
                f"a tmpfs lies over {mount.target}",
                "a tmpfs starts as an empty folder in memory, and hides what the image has there",
                (IMAGE, CONTAINER),
                {"container": view.name, "mount": {"type": "tmpfs", "source": "", "target": mount.target}},
                (
                    Remedy(_take_out("tmpfs", mount.target, str(hidden.at) if hidden else "")),
                    Remedy("then recreate the container", evidence.commands.up()),
                ),
            )
    for each in evidence.hidden:
        if each.kind == "tmpfs" and each.target not in told:
            yield _coming(evidence, each, "a tmpfs starts as an empty folder in memory, whatever the image has there")


def mount_will_hide_migrations(evidence: Evidence) -> Iterator[Match]:
    """The compose file mounts something over what Alembic reads, with other content than image and host have.

    What: the next container that is created (by `up`, by `run`, by a deploy) reads other migrations, or another
    configuration, than the image holds. No container shows it yet.

    Why: a bind mount, or an entry of `configs` or `secrets`, covers the versions folder, env.py or Alembic's
    configuration.

    Fix: take it out of the compose file, or make what is mounted the same as the host's files.
    """
    there = {mount.target for one in evidence.containers for mount in one.mounts}
    lasting = any(not each.one_off for each in evidence.containers)
    for each in evidence.hidden:
        if each.kind == "tmpfs" or each.target in there or (each.kind != "bind" and lasting):
            continue  # the containers that are there show it, and other rules name it
        yield _coming(evidence, each, f"the {each.kind} {each.source} is mounted at {each.target}")


def _coming(evidence: Evidence, each: Hidden, cause: str) -> Match:
    service = evidence.commands.service
    what = "a tmpfs" if each.kind == "tmpfs" else f"the {each.kind} {each.source}"
    return Match(
        Subject(path=each.target),
        f"the next container of {service} does not see {some(each.names)} as the image has it: {what} lies over "
        f"{each.target} ({each.at})",
        cause,
        (IMAGE, CONTAINER),
        {"mount": {"type": each.kind, "source": each.source, "target": each.target}, "at": str(each.at)},
        (Remedy(_take_out(each.kind, each.target, str(each.at))),),
    )


def _take_out(kind: str, target: str, at: str) -> str:
    return f"take the {kind} at {target} out of the compose file" + (f" ({at})" if at else "")


def other_configuration(evidence: Evidence) -> Iterator[Match]:
    """Alembic is also called with another configuration, and that one leads to other migrations.

    What: what the container runs when it starts, and what `alembic` reads when somebody types it in the container, are
    two configurations. At least one of them leads to migrations that are not as on the host.

    Why: `-c`, `-n`, `working_dir` or ALEMBIC_CONFIG is set for the one and not for the other, and the files that one of
    them leads to come from an old copy.

    Fix: make all calls read one configuration, or bring the other one's files up to date.
    """
    for each in dict.fromkeys(evidence.configurations):
        folders = ", ".join(each.folders)
        yield Match(
            Subject(path=each.config),
            f"{each.by} in {each.where} reads {each.config}, which leads to {folders}; not as on the host: "
            f"{some(each.names)}",
            f"{each.by} does not read the configuration that is compared here",
            (HOST, IMAGE),
            {"config": each.config, "folders": list(each.folders), "call": each.by, "scripts": list(each.names)},
            (
                Remedy(
                    f"let every call read one configuration (ALEMBIC_CONFIG, -c and -n alike), or rebuild what "
                    f"{each.config} leads to from the host's files"
                ),
            ),
        )


_NEEDS = (HOST, IMAGE)
RULES = (
    Rule("MIG209", "tmpfs-hides-migrations", Severity.ERROR, _NEEDS, tmpfs_hides_migrations),
    Rule("MIG210", "mount-will-hide-migrations", Severity.ERROR, _NEEDS, mount_will_hide_migrations),
    Rule("MIG211", "other-configuration", Severity.ERROR, _NEEDS, other_configuration),
)
