"""MIG209 to MIG211: Alembic in the container reads other files than the image's that were compared."""

from __future__ import annotations

from collections.abc import Iterator

from migops.analysis.container_view import CONTAINER, HOST, IMAGE, views
from migops.analysis.evidence import Evidence, Hidden
from migops.core.model import Remedy, Severity, Subject
from migops.core.text import some
from migops.rules.rule import Match, Rule


def tmpfs_hides_migrations(evidence: Evidence) -> Iterator[Match]:
    """A tmpfs is mounted over the migrations, so the container sees an empty folder.

    What: Alembic in the container finds no migrations, or not even its configuration: `upgrade head` does nothing or
    fails with "Can't locate revision", whatever the image contains.

    Why: `tmpfs:` of the service, or a volume of `type: tmpfs`, covers the folder or one above it (for example a
    writable /app in a read-only container). It starts empty: nothing from the image is copied into it.

    Alembic says: "Path doesn't exist: …", where the tmpfs covers all of the script folder; "Can't locate revision
    identified by '…'", where it covers `versions`.

    Fix: remove the tmpfs from the compose file, or mount it over a folder without code, and recreate the container.
    """
    reported = set()
    for view in views(evidence):
        for mount, scripts in view.under(lambda mount: mount.type == "tmpfs"):
            reported.add(mount.target)
            hidden = next((each for each in evidence.hidden if each.target == mount.target), None)
            yield Match(
                Subject(path=mount.target),
                f"{view.name} does not see {some(script.name for script in scripts)} from the image: "
                f"a tmpfs is mounted over {mount.target}",
                "a tmpfs starts as an empty folder in memory and hides the image's files there",
                (IMAGE, CONTAINER),
                {"container": view.name, "mount": {"type": "tmpfs", "source": "", "target": mount.target}},
                (
                    Remedy(
                        _take_out("tmpfs", mount.target, str(hidden.at) if hidden else ""),
                        at=hidden.at if hidden else None,
                    ),
                    Remedy("recreate the container", evidence.commands.up()),
                ),
            )
    for each in evidence.hidden:
        if each.kind == "tmpfs" and each.target not in reported:
            yield _coming(
                evidence, each, "a tmpfs starts as an empty folder in memory and hides the image's files there"
            )


def mount_will_hide_migrations(evidence: Evidence) -> Iterator[Match]:
    """The compose file mounts something over files that Alembic reads, with different content from image and host.

    What: the next container to be created (by `up`, by `run`, by a deploy) reads other migrations, or another
    configuration, than the image contains. No existing container shows it yet.

    Why: a bind mount, or an entry of `configs` or `secrets`, covers the versions folder, env.py or Alembic's
    configuration.

    Fix: remove it from the compose file, or make the mounted files the same as the host's.
    """
    there = {mount.target for one in evidence.containers for mount in one.mounts}
    lasting = any(not container.one_off for container in evidence.containers)
    for hidden in evidence.hidden:
        if hidden.kind == "tmpfs" or hidden.target in there or (hidden.kind != "bind" and lasting):
            continue  # existing containers show it, and other rules report it
        yield _coming(evidence, hidden, f"the {hidden.kind} {hidden.source} is mounted at {hidden.target}")


def _coming(evidence: Evidence, hidden: Hidden, cause: str) -> Match:
    service = evidence.commands.service
    source = "a tmpfs" if hidden.kind == "tmpfs" else f"the {hidden.kind} {hidden.source}"
    return Match(
        Subject(path=hidden.target),
        f"the next container of {service} will not see the image's {some(hidden.names)}: {source} is mounted over "
        f"{hidden.target} ({hidden.at})",
        cause,
        (IMAGE, CONTAINER),
        {"mount": {"type": hidden.kind, "source": hidden.source, "target": hidden.target}, "at": str(hidden.at)},
        (Remedy(_take_out(hidden.kind, hidden.target, str(hidden.at)), at=hidden.at),),
    )


def _take_out(kind: str, target: str, at: str) -> str:
    return f"remove the {kind} at {target} from the compose file" + (f" ({at})" if at else "")


def other_configuration(evidence: Evidence) -> Iterator[Match]:
    """Alembic is also called with another configuration, which points to other migrations.

    What: the container's startup command and an `alembic` typed in the container read different configurations. At
    least one of them points to migrations that differ from the host's.

    Why: `-c`, `-n`, `working_dir` or ALEMBIC_CONFIG is set for one call and not for the other, and one of the two
    configurations points to an old copy.

    Fix: make every call read the same configuration, or bring the other one's files up to date.
    """
    for other in dict.fromkeys(evidence.configurations):
        folders = ", ".join(other.folders)
        yield Match(
            Subject(path=other.config),
            f"{other.by} in {other.where} reads {other.config}, which points to {folders}; differs from the host: "
            f"{some(other.names)}",
            f"{other.by} does not read the configuration that was compared here",
            (HOST, IMAGE),
            {"config": other.config, "folders": list(other.folders), "call": other.by, "scripts": list(other.names)},
            (
                Remedy(
                    f"make every call read the same configuration (ALEMBIC_CONFIG, -c and -n), or rebuild the folder "
                    f"that {other.config} points to from the host's files"
                ),
            ),
        )


_NEEDS = (HOST, IMAGE)
RULES = (
    Rule("MIG209", "tmpfs-hides-migrations", Severity.ERROR, _NEEDS, tmpfs_hides_migrations),
    Rule("MIG210", "mount-will-hide-migrations", Severity.ERROR, _NEEDS, mount_will_hide_migrations),
    Rule("MIG211", "other-configuration", Severity.ERROR, _NEEDS, other_configuration),
)
