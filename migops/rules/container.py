"""MIG2: the migrations in a service's containers compared with the image that they should run, and with the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from migops.analysis.chain import revision_ids
from migops.analysis.container_view import CONTAINER, HOST, IMAGE, Script, View, differing, held_in, views
from migops.analysis.evidence import Evidence, Sibling
from migops.core.model import MigrationSet, Remedy, Severity, Subject
from migops.core.text import some
from migops.rules.lines import of_mount
from migops.rules.recreate import NAMED_AT_MOST, before_recreating, catch_up, give_up, refresh
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule
from migops.sources.container_model import Container, digests
from migops.sources.git_status import GitStatus
from migops.sources.mounts import Mount


def bind_hides_image(evidence: Evidence) -> Iterator[Match]:
    """The running container reads the migrations from a host folder, not from the image.

    What: a bind mount covers the versions folder. The migrations in the image do not matter to this container, but they
    will as soon as the mount is gone.

    Why: the code is mounted so that edits show at once. That is right for development. In production it means that the
    container does not run the image's code, and that `alembic revision` in the container writes to the host.

    Fix: in development, nothing. In production, remove the bind mount from the compose file. If the mounted folder is
    not the one you are checking and contains other migrations, this is an error: mount the right one.
    """
    host = held_in(evidence, HOST)
    for view in views(evidence):
        folder = view.held.location[0] if view.held.location else ""
        mount = view.container.cover(folder)
        if mount is None or not view.container.is_bound:
            for mount, scripts in view.under(lambda mount: mount.type not in ("volume", "tmpfs")):
                cause = f"{mount.source} is mounted at {mount.target} and hides the image's files there"
                remedy = Remedy(
                    f"remove the mount at {mount.target} from the compose file, or mount the right files",
                    at=of_mount(evidence, mount.target),
                )
                for match in _hits(evidence, view, scripts, "the mount", cause, mount, (remedy,)):
                    yield replace(match, severity=match.severity or Severity.ERROR)
            continue
        others = differing(view.held, host)
        source = mount.source + folder[len(mount.target.rstrip("/")) :]
        yield Match(
            Subject(path=folder),
            f"{view.name} reads {folder} from the host folder {source}"
            + (f", whose migrations differ from {host.location[0]}: {some(others)}" if others else ""),
            f"the bind mount {mount.source}:{mount.target} hides the image's files there",
            (HOST, CONTAINER),
            _facts(view.container, mount, scripts=sorted(others)),
            (
                Remedy(
                    f"mount {host.location[0]}, or check the mounted folder instead (--host-dir)",
                    at=of_mount(evidence, mount.target),
                )
                if others
                else Remedy(
                    f"in production, remove {mount.source}:{mount.target} from the compose file",
                    at=of_mount(evidence, mount.target),
                ),
            ),
            Severity.ERROR if others else None,
        )


def volume_freezes_migrations(evidence: Evidence) -> Iterator[Match]:
    """A named volume is mounted over the migrations and contains different ones from the image.

    What: Alembic in the container reads the volume. New revisions never appear there, and deleted ones live on.

    Why: Docker fills a volume from the image once, when the volume is created. After that no build, no `up` and no `-V`
    touches it.

    Alembic says: "Can't locate revision identified by '…'", once the database has applied a revision that the volume
    lacks.

    Fix: delete the files that do not belong in the volume, and copy the image's files into it. Better: do not mount a
    volume over code; then the container runs the image's files.

    With migops: `migops rebuild-and-migrate SERVICE` also brings the image's scripts into the volume.

    Seen in: hove-io/navitia-docker-compose#21
    """
    for view in views(evidence):
        for mount, scripts in view.under(lambda mount: mount.type == "volume" and not mount.is_anonymous):
            yield from _hits(
                evidence, view, scripts, "the volume",
                f"the named volume {mount.source} is mounted over {mount.target}; it was filled when it was created, "
                "and neither a build nor `up` refreshes it",
                mount,
                (*before_recreating(evidence, view), *refresh(evidence, view, mount)),
            )  # fmt: skip


def anonymous_volume_freezes_migrations(evidence: Evidence) -> Iterator[Match]:
    """An anonymous volume is mounted over the migrations and contains different ones from the image.

    What: Alembic in the container reads the volume. New revisions never appear there, and deleted ones live on.

    Why: a `VOLUME` in the Dockerfile, or a volume without a name in the compose file. Compose passes it on from one
    container to the next, even with `--force-recreate`; and in many versions of compose (such as 2.26) `-V` alone does
    nothing while the container runs the right image.

    Alembic says: "Can't locate revision identified by '…'", once the database has applied a revision that the volume
    lacks.

    Fix: `docker compose up -d --no-deps --force-recreate -V SERVICE`. The old volume is kept, unused.

    With migops: `migops rebuild-and-migrate SERVICE` also recreates the anonymous volume over the scripts; all other
    volumes stay.

    Seen in: ytorg/Yotter#112
    """
    for view in views(evidence):
        for mount, scripts in view.under(lambda mount: mount.is_anonymous):
            why = "recreate the container with a new volume, filled from the image; the old volume is kept"
            yield from _hits(
                evidence, view, scripts, "the volume",
                f"an anonymous volume is mounted over {mount.target}; compose passes it on from container to container",
                mount,
                (
                    *before_recreating(evidence, view),
                    Remedy(why, evidence.commands.up("--force-recreate", "-V")),
                ),
            )  # fmt: skip


def container_runs_old_image(evidence: Evidence) -> Iterator[Match]:
    """The container was created from an older image than the one the service's image name now points to.

    What: the image was rebuilt (or pulled), but the container still runs the previous one, with other migrations.

    Why: a build does not change containers; only `up` recreates them.

    Alembic says: "Can't locate revision identified by '…'", once the database has applied a revision of the new image.

    Fix: `docker compose up -d --no-deps SERVICE`.

    With migops: `migops rebuild-and-migrate SERVICE` builds the image, verifies that it has exactly the host's scripts,
    and replaces the containers.

    Seen in: docker/compose#12774, ITISFoundation/osparc-simcore#5029
    """
    image = evidence.image
    for view in views(evidence):
        scripts = view.of_image()
        if not scripts or image is None:
            continue
        built = f", built {image.created:%Y-%m-%d %H:%M} UTC" if image.created else ""
        recreate = "recreate the container from the new image"
        yield from _hits(
            evidence, view, scripts, "the container",
            f"{view.name} was created from the image {_short(view.container.image_id)}, but {image.ref} is now "
            f"{_short(image.id)}{built}",
            None,
            (*before_recreating(evidence, view), Remedy(recreate, evidence.commands.up())),
        )  # fmt: skip


def revision_only_in_container(evidence: Evidence) -> Iterator[Match]:
    """A migration script exists only in a container's writable layer.

    What: it was written in the container, and is lost as soon as the container is recreated. The database may have
    applied it already.

    Why: `alembic revision` (or an editor, or `docker cp`) ran in the container, and nobody copied the file out.

    Alembic says: "Can't locate revision identified by '…'", after the container was recreated, if the database has
    applied the revision.

    Fix: copy the file to the host (`docker compose cp`) before anything else, then rebuild.

    With migops: `migops rescue SERVICE` copies it to the host, and never overwrites a file. If you dropped the revision
    on purpose (`migops alembic revision` of 0.1.0 left a copy of its new file in the container, and the host's was
    deleted since): `migops rebuild-and-migrate --discard REV` saves the script in the state folder and recreates the
    container. It refuses if the database is at that revision or at a later one.

    Seen in: the-momentum/python-ai-kit#90, conbench/conbench#519, mozilla/ichnaea#986
    """
    for view in views(evidence, one_off=True):
        scripts = view.container_only()
        save = evidence.commands.rescue()
        remedy: tuple[Remedy, ...] = (Remedy("copy it to the host before the container is recreated", save),)
        if scripts and all(script.record is GitStatus.UPSTREAM for script in scripts):
            remedy = catch_up(evidence, scripts)
        remedy += rebuild(evidence, "rebuild the image with the rescued script")
        if not view.container.one_off:
            remedy += (Remedy("recreate the container from the new image", evidence.commands.up()),)
            remedy += give_up(evidence, view, scripts)
        yield from _hits(
            evidence, view, scripts, "the container",
            f"it was written in {view.name} after the container was created; recreating the container loses it",
            None,
            remedy,
        )  # fmt: skip


def services_disagree(evidence: Evidence) -> Iterator[Match]:
    """Another service with the same code has different migrations.

    What: a worker, a scheduler or a one-shot `migrate` service runs other migrations than the service you are checking.

    Why: each service has its own image tag or its own container, and only some of them were rebuilt or recreated.

    Fix: rebuild or recreate the one that is behind.

    With migops: `migops rebuild-and-migrate` replaces all services of the same image or build.

    Seen in: inventree/InvenTree#7247
    """
    image = held_in(evidence, IMAGE)
    host = held_in(evidence, HOST)
    for sibling in evidence.siblings:
        stale = sibling.image is not None and digests(sibling.image) != digests(image)
        for container in sibling.containers:
            held = container.migrations
            right = host if container.is_bound else image
            if held is not None and not container.one_off and digests(held) != digests(right):
                yield _disagreement(evidence, sibling, held, image, container, stale)
                break
        else:
            if stale and sibling.image is not None and not any(each.migrations for each in sibling.containers):
                yield _disagreement(evidence, sibling, sibling.image, image, None, stale)


def owned_by_root(evidence: Evidence) -> Iterator[Match]:
    """Migration scripts on the host belong to root, but their folder does not.

    What: the owner of the folder cannot edit these scripts, and git may fail to replace them.

    Why: `alembic revision` ran as root in a container, and wrote the file to the host through a bind mount.

    Fix: change the files' owner to the folder's owner. Permanently: run the command as the host's user (`--user`).

    With migops: `migops alembic revision` gives the new file to the owner of its folder.

    Seen in: packit/packit-service#1277
    """
    host = held_in(evidence, HOST)
    if evidence.owner is None or evidence.owner[0] == 0:
        return
    files = [file for _, file in sorted(host.scripts.items()) if file.uid == 0]
    owner = f"{evidence.owner[0]}:{evidence.owner[1]}"
    paths = [file.path for file in files] if len(files) <= NAMED_AT_MOST else ["-R", host.location[0]]
    command = (
        ("sudo", "chown", *paths[:-1], owner, paths[-1]) if paths[:1] == ["-R"] else ("sudo", "chown", owner, *paths)
    )
    for file in files:
        yield Match(
            Subject(revision_ids(host).get(file.name, ""), file.name),
            f"{file.name} belongs to root, but its folder to user {evidence.owner[0]}",
            "a container running as root wrote it through a bind mount",
            None,
            {"host_path": file.path, "owner": owner},
            (Remedy("change its owner to the folder's owner", command),),
        )


def files_changed_in_container(evidence: Evidence) -> Iterator[Match]:
    """A file that Alembic reads was deleted or edited in a container, so it differs from the image.

    What: the container's writable layer hides the image's files until the container is recreated.

    Why: somebody deleted or edited files in the container (`docker exec`, `docker cp`) to try something.

    Fix: `docker compose up -d --no-deps --force-recreate SERVICE`.
    """
    for view in views(evidence):
        container_only = view.container_only()
        scripts = [script for script in view.written() if script not in container_only]
        yield from _hits(
            evidence, view, scripts, "the container",
            f"files were changed in {view.name} after it was created",
            None,
            (
                *before_recreating(evidence, view),
                Remedy("recreate the container from the image", evidence.commands.up("--force-recreate")),
            ),
        )  # fmt: skip


_NEEDS = (HOST, IMAGE, CONTAINER)
RULES = (
    Rule("MIG201", "bind-hides-image", Severity.INFO, _NEEDS, bind_hides_image),
    Rule("MIG202", "volume-freezes-migrations", Severity.ERROR, _NEEDS, volume_freezes_migrations),
    Rule("MIG203", "anonymous-volume-freezes-migrations", Severity.ERROR, _NEEDS, anonymous_volume_freezes_migrations),
    Rule("MIG204", "container-runs-old-image", Severity.ERROR, _NEEDS, container_runs_old_image),
    Rule("MIG205", "revision-only-in-container", Severity.ERROR, (HOST, IMAGE), revision_only_in_container),
    Rule("MIG206", "services-disagree", Severity.WARNING, (HOST, IMAGE), services_disagree),
    Rule("MIG207", "host-files-owned-by-root", Severity.WARNING, (HOST,), owned_by_root),
    Rule("MIG208", "files-changed-in-container", Severity.ERROR, _NEEDS, files_changed_in_container),
)


def _hits(
    evidence: Evidence, view: View, scripts: Iterable[Script], where: str, cause: str, mount: Mount | None,
    remedy: tuple[Remedy, ...],
) -> Iterator[Match]:  # fmt: skip
    """A match for each script, with one cause and one fix."""
    for script in scripts:
        if script.ours is None:
            message = f"{script.name} is in the image but not in {where}"
        elif script.theirs is None:
            message = f"{script.name} is in {where} but neither in the image nor on the host"
        else:
            message = f"{script.name} differs between {where} and the image"
        facts = _facts(view.container, mount, containers=[each.name for each in view.containers])
        yield Match(
            Subject(script.revision, script.name), message, cause, (IMAGE, CONTAINER),
            {**facts, "container_path": script.path, "git": script.record.value if script.is_ours_alone else ""},
            remedy, script.severity,
        )  # fmt: skip


def _facts(container: Container, mount: Mount | None, **more: object) -> dict[str, object]:
    over = {"type": mount.type, "source": mount.source, "target": mount.target} if mount else None
    return {"container": container.name, "image_id": container.image_id, "mount": over, **more}


def _disagreement(
    evidence: Evidence, sibling: Sibling, held: MigrationSet, image: MigrationSet, container: Container | None,
    stale: bool,
) -> Match:  # fmt: skip
    service = evidence.commands.service
    others = differing(held, image)
    where = f"the container {container.name}" if container else f"the image of {sibling.service}"
    plain = container is None or not (container.written or any(container.cover(folder) for folder in held.location))
    if not plain:
        check = evidence.commands.migops("check-image", service=sibling.service)
        remedy: tuple[Remedy, ...] = (Remedy(f"see why {sibling.service} differs", check),)
    else:
        build = evidence.commands.build(service=sibling.service)
        remedy = (Remedy("rebuild it from the same sources", build),) if stale else ()
        if container:
            remedy += (Remedy("recreate its container", evidence.commands.up(service=sibling.service)),)
    built = "its image was not rebuilt at the same time" if stale else "it was not recreated since the last build"
    host = held_in(evidence, HOST)
    return Match(
        Subject(path=sibling.service),
        f"{sibling.service} shares its code with {service} but has different migrations: {some(others)}",
        f"{where} differs from {service}'s image; " + (built if plain else "a mount or an edit hides its own files"),
        (IMAGE, CONTAINER),
        {
            **(_facts(container, container.cover(held.location[0]) if held.location else None) if container else {}),
            "service": sibling.service,
            "scripts": sorted(others),
        },
        remedy,
        # No service was named, so the verdict covers this one too, and its image differs from the host.
        Severity.ERROR if evidence.for_siblings and sibling.image and digests(sibling.image) != digests(host) else None,
    )


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
