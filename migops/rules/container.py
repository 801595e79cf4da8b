"""MIG2: what a service's containers show to Alembic, against the image that they should run and the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from migops.analysis.chain import revision_ids
from migops.analysis.container_view import CONTAINER, HOST, IMAGE, Script, View, differing, held_in, views
from migops.analysis.evidence import Evidence, Sibling
from migops.core.model import MigrationSet, Remedy, Severity, Subject
from migops.core.text import some
from migops.rules.recreate import NAMED_AT_MOST, before_recreating, catch_up, give_up, refresh
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule
from migops.sources.container import Container, digests
from migops.sources.container_files import Mount
from migops.sources.git_status import GitStatus


def bind_hides_image(evidence: Evidence) -> Iterator[Match]:
    """The running container reads the migrations from a folder of the host, not from the image.

    What: a bind mount lies over the versions folder. What the image holds there does not matter to this container, and
    matters as soon as the mount is gone.

    Why: the code is mounted so that an edit shows at once. That is right for development; in production it means that
    the image is not what runs, and that `alembic revision` in the container writes to the host.

    Fix: nothing in development. In production take the bind mount out of the compose file. Where the mounted folder is
    not the one you look at, and holds other migrations, this is an error: mount the right one.
    """
    host = held_in(evidence, HOST)
    for view in views(evidence):
        folder = view.held.location[0] if view.held.location else ""
        mount = view.container.cover(folder)
        if mount is None or not view.container.is_bound:
            for mount, scripts in view.under(lambda mount: mount.type not in ("volume", "tmpfs")):
                cause = f"{mount.source} is mounted at {mount.target}, over what the image has there"
                remedy = Remedy(f"take the mount at {mount.target} out of the compose file, or mount what is meant")
                for match in _hits(evidence, view, scripts, "the mount", cause, mount, (remedy,)):
                    yield replace(match, severity=match.severity or Severity.ERROR)
            continue
        others = differing(view.held, host)
        source = mount.source + folder[len(mount.target.rstrip("/")) :]
        yield Match(
            Subject(path=folder),
            f"{view.name} reads {folder} from the folder {source} of the host"
            + (f", which holds other migrations than {host.location[0]}: {some(others)}" if others else ""),
            f"the bind mount {mount.source}:{mount.target} hides what the image has there",
            (HOST, CONTAINER),
            _facts(view.container, mount, scripts=sorted(others)),
            (
                Remedy(f"mount {host.location[0]}, or check that folder (--host-dir)")
                if others
                else Remedy(f"in production, take {mount.source}:{mount.target} out of the compose file"),
            ),
            Severity.ERROR if others else None,
        )


def volume_freezes_migrations(evidence: Evidence) -> Iterator[Match]:
    """A named volume lies over the migrations, and holds other ones than the image.

    What: Alembic in the container reads the volume. New revisions never show there, and deleted ones live on.

    Why: a volume is filled from the image once, when it is made. After that no build, no `up` and no `-V` touches it.

    Fix: take out of the volume what is not meant to be there, and copy into it what the image has. Better for good: no
    volume over code; then the image is what runs.
    """
    for view in views(evidence):
        for mount, scripts in view.under(lambda mount: mount.type == "volume" and not mount.is_anonymous):
            yield from _hits(
                evidence, view, scripts, "the volume",
                f"the named volume {mount.source} lies over {mount.target}; it was filled once, when it was made, and "
                "neither a build nor `up` refreshes it",
                mount,
                (*before_recreating(evidence, view), *refresh(evidence, view, mount)),
            )  # fmt: skip


def anonymous_volume_freezes_migrations(evidence: Evidence) -> Iterator[Match]:
    """An anonymous volume lies over the migrations, and holds other ones than the image.

    What: Alembic in the container reads the volume. New revisions never show there, and deleted ones live on.

    Why: a `VOLUME` of the Dockerfile, or a volume without a name in the compose file. Compose hands it on from one
    container to the next, also with `--force-recreate`; and in many versions of compose (2.26, say) `-V` alone does
    nothing while the container runs the right image.

    Fix: `docker compose up -d --no-deps --force-recreate -V SERVICE`. The old volume stays, unused.
    """
    for view in views(evidence):
        for mount, scripts in view.under(lambda mount: mount.is_anonymous):
            why = "create the container anew, with a new volume that is filled from the image; the old one is kept"
            yield from _hits(
                evidence, view, scripts, "the volume",
                f"an anonymous volume lies over {mount.target}; compose hands it on from container to container",
                mount,
                (
                    *before_recreating(evidence, view),
                    Remedy(why, evidence.commands.up("--force-recreate", "-V")),
                ),
            )  # fmt: skip


def container_runs_old_image(evidence: Evidence) -> Iterator[Match]:
    """The container was created from another image than the one its service's name means now, with other migrations.

    What: the image was built again (or pulled), and the container still runs the one from before.

    Why: a build changes no container; only `up` creates it anew.

    Fix: `docker compose up -d --no-deps SERVICE`.
    """
    image = evidence.image
    for view in views(evidence):
        scripts = view.of_image()
        if not scripts or image is None:
            continue
        built = f", built {image.created:%Y-%m-%d %H:%M} UTC" if image.created else ""
        yield from _hits(
            evidence, view, scripts, "the container",
            f"{view.name}: created from the image {_short(view.container.image_id)}; {image.ref} is now "
            f"{_short(image.id)}{built}",
            None,
            (*before_recreating(evidence, view), Remedy("create the container from it", evidence.commands.up())),
        )  # fmt: skip


def revision_only_in_container(evidence: Evidence) -> Iterator[Match]:
    """A migration script exists only in a container's writable layer.

    What: it was written in the container, and it is lost as soon as the container is created anew. The database may
    have it already.

    Why: `alembic revision` (or an editor, or `docker cp`) ran in the container, and nobody copied the file out.

    Fix: `migops rescue SERVICE` copies it to the host. Do that before anything else, then build. Where it was given up
    (`migops alembic revision` of 0.1.0 left a twin of its new file in the container, and the host's was deleted since):
    `migops rebuild-and-migrate --discard REV` saves the script in the state folder and recreates the container. It
    refuses where the database is at that revision, or at one that follows it.
    """
    for view in views(evidence, one_off=True):
        scripts = view.container_only()
        save = evidence.commands.rescue()
        remedy: tuple[Remedy, ...] = (Remedy("copy it to the host before the container goes", save),)
        if scripts and all(script.record is GitStatus.UPSTREAM for script in scripts):
            remedy = catch_up(evidence, scripts)
        remedy += rebuild(evidence, "build the image again, with the rescued script in it")
        if not view.container.one_off:
            remedy += (Remedy("create the container from it", evidence.commands.up()),)
            remedy += give_up(evidence, view, scripts)
        yield from _hits(
            evidence, view, scripts, "the container",
            f"it was written in {view.name} after its creation; the next `up` that recreates the container loses it",
            None,
            remedy,
        )  # fmt: skip


def services_disagree(evidence: Evidence) -> Iterator[Match]:
    """Another service of the same code holds other migrations.

    What: a worker, a scheduler or a one-shot `migrate` service runs other migrations than the service that is checked.

    Why: each service has its own image tag or its own container, and only some of them were built or created anew.

    Fix: build or recreate the one that is behind.
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
    """Migration scripts on the host belong to root, in a folder that does not.

    What: whoever owns the folder cannot edit these scripts, and git may fail to replace them.

    Why: `alembic revision` ran as root in a container, and a bind mount brought the file to the host.

    Fix: give the files to the folder's owner. For good: run the command as the host's user (`--user`).
    """
    host = held_in(evidence, HOST)
    if evidence.owner is None or evidence.owner[0] == 0:
        return
    files = [file for _, file in sorted(host.scripts.items()) if file.uid == 0]
    owner = f"{evidence.owner[0]}:{evidence.owner[1]}"
    what = [file.path for file in files] if len(files) <= NAMED_AT_MOST else ["-R", host.location[0]]
    command = ("sudo", "chown", *what[:-1], owner, what[-1]) if what[:1] == ["-R"] else ("sudo", "chown", owner, *what)
    for file in files:
        yield Match(
            Subject(revision_ids(host).get(file.name, ""), file.name),
            f"{file.name} belongs to root; its folder belongs to user {evidence.owner[0]}",
            "a container that runs as root wrote it, through a bind mount",
            None,
            {"host_path": file.path, "owner": owner},
            (Remedy("give it to the folder's owner", command),),
        )


def files_changed_in_container(evidence: Evidence) -> Iterator[Match]:
    """A file that Alembic reads was deleted or edited in a container, so that it is not what its image has.

    What: the container's writable layer hides what its image holds, until the container is created anew.

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
                Remedy("create the container anew, as the image is", evidence.commands.up("--force-recreate")),
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
    """A hit for each script, with one cause and one fix."""
    for script in scripts:
        if script.ours is None:
            message = f"{script.name} is in the image, not in {where}"
        elif script.theirs is None:
            message = f"{script.name} is in {where}, in neither the image nor the host"
        else:
            message = f"{script.name} is not the same text in {where} as in the image"
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
        remedy: tuple[Remedy, ...] = (Remedy(f"see why {sibling.service} holds something else", check),)
    else:
        build = evidence.commands.build(service=sibling.service)
        remedy = (Remedy("build it from the same sources", build),) if stale else ()
        if container:
            remedy += (Remedy("create its container anew", evidence.commands.up(service=sibling.service)),)
    built = "its image was not built together with that one" if stale else "its container was not created anew since"
    host = held_in(evidence, HOST)
    return Match(
        Subject(path=sibling.service),
        f"{sibling.service} shares its code with {service} and holds other migrations: {some(others)}",
        f"{where} is not what the image of {service} is; " + (built if plain else "something lies over it"),
        (IMAGE, CONTAINER),
        {
            **(_facts(container, container.cover(held.location[0]) if held.location else None) if container else {}),
            "service": sibling.service,
            "scripts": sorted(others),
        },
        remedy,
        # Nobody named a service, so the answer stands for this one too, and its image is not what the host is.
        Severity.ERROR if evidence.for_siblings and sibling.image and digests(sibling.image) != digests(host) else None,
    )


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
