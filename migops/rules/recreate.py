"""Commands of the findings about containers: steps before recreating one, and how to refresh a named volume."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from migops.analysis.container_view import HOST, IMAGE, Script, View, held_in
from migops.analysis.evidence import Evidence
from migops.core.model import Remedy
from migops.core.text import some
from migops.rules.remedies import rebuild
from migops.sources.container_model import digests
from migops.sources.database_state import DatabaseState
from migops.sources.environment import Environment
from migops.sources.git_status import GitRecord, GitStatus
from migops.sources.mounts import Mount, at_or_below

IN_VOLUME = "/volume"  # mount point of a volume in a printed command that fixes it
NAMED_AT_MOST = 20  # files that a printed command names one by one
_UNSEEN = GitRecord(GitStatus.UNKNOWN)


def before_recreating(evidence: Evidence, view: View) -> tuple[Remedy, ...]:
    """Steps before a container or its volume goes: save files that only it has, and get the image up to date."""
    steps = [*catch_up(evidence, (script for script in view.scripts if script.is_ours_alone))]
    alone = dict.fromkeys(script.name for script in (*view.container_only(), *view.unsaved()))
    if alone:
        steps.append(Remedy(f"first save what only the container has: {some(alone)}", evidence.commands.rescue()))
    if steps or _image_is_stale(evidence):
        steps += rebuild(evidence, "rebuild the image, so that it matches the host")
    return tuple(steps)


def give_up(evidence: Evidence, view: View, scripts: Iterable[Script]) -> tuple[Remedy, ...]:
    """The alternative for a revision that only the container's writable layer has: drop it instead of rescuing it.

    Not offered if a mount provides the script (recreating the container would not help), if git's upstream has it, or
    if the database is known to have applied it.
    """
    state = evidence.database
    rows = state.rows if isinstance(state, DatabaseState) else ()
    found = view.container.found
    graph = found.graph if isinstance(found, Environment) else None
    gone = [
        script for script in scripts
        if script.is_ours_alone and script.revision and script.record is not GitStatus.UPSTREAM
        and view.container.cover(script.path) is None
        and not (graph and graph.descendants([script.revision]) & set(rows))
    ]  # fmt: skip
    if not gone or not evidence.commands.compose:
        return ()
    names = some(script.name for script in gone)
    words = [word for script in gone for word in ("--discard", script.revision)]
    return (
        Remedy(
            f"if you dropped it ({names} was deleted from the host on purpose): deploy without it; its script is "
            "saved in the state folder first",
            evidence.commands.migops("rebuild-and-migrate", *words),
            alternative=True,
        ),
        Remedy(
            f"only recreate the container, which loses the file (to keep a copy: docker cp "
            f"{view.container.name}:{gone[0].path} .)",
            evidence.commands.up("--force-recreate"),
            alternative=True,
        ),
    )


def catch_up(evidence: Evidence, scripts: Iterable[Script]) -> tuple[Remedy, ...]:
    """Steps that get the host those scripts that its upstream branch has."""
    git_records = [evidence.git_records[script.name] for script in scripts if script.record is GitStatus.UPSTREAM]
    steps = dict.fromkeys(record.remedy for record in git_records if record.remedy)
    return tuple(replace(step, why=f"the host is behind its upstream, which has it: {step.why}") for step in steps)


def _image_is_stale(evidence: Evidence) -> bool:
    """True if the image differs from the host and a build from the host would remove nothing that is wanted."""
    host, image = held_in(evidence, HOST), held_in(evidence, IMAGE)
    lost = image.scripts.keys() - host.scripts.keys()
    git_records = [evidence.git_records[name] for name in lost if name in evidence.git_records]
    return digests(host) != digests(image) and all(record.kind.rebuild_helps for record in git_records)


def refresh(evidence: Evidence, view: View, mount: Mount) -> Iterator[Remedy]:
    """Commands that copy the image's files into a named volume; each file that they delete is named."""
    environment = view.container.found
    if not isinstance(environment, Environment):
        return
    keep = held_in(evidence, HOST).scripts if before_recreating(evidence, view) else held_in(evidence, IMAGE).scripts
    here = [script for script in view.held.scripts.values() if view.container.cover(script.path) == mount]
    surplus = [script for script in here if script.name not in keep]

    def inside(path: str) -> str:
        return IN_VOLUME + path[len(mount.target.rstrip("/")) :]

    def run(entrypoint: str, *words: str) -> tuple[str, ...]:
        options = ("--rm", "--network", "none", "--user", "0", "--entrypoint", entrypoint)
        return ("docker", "run", *options, "-v", f"{mount.source}:{IN_VOLUME}", evidence.commands.image, *words)

    if surplus:
        names = some(script.name for script in surplus)
        if len(surplus) <= NAMED_AT_MOST:
            words = run("rm", "-f", "--", *(inside(script.path) for script in surplus))
        else:
            folders = sorted({posixpath.dirname(script.path) for script in surplus})
            words = run("find", *map(inside, folders), "-maxdepth", "1", "-name", "*.py", "-delete")
        yield Remedy(f"delete the files that do not belong in the volume ({names})", words)
    script_location = environment.paths.script_location
    folders = [script_location] if at_or_below(script_location, mount.target) else list(view.held.location)
    for folder in folders:
        if at_or_below(folder, mount.target):
            words = run("cp", "-a", f"{folder}/.", f"{inside(folder)}/")
            yield Remedy("copy the image's files into the volume", words)
    kept = [script for script in surplus if evidence.git_records.get(script.name, _UNSEEN).kind is GitStatus.NO_GIT]
    if kept:
        yield Remedy("to keep the deleted files, copy them to the host first", evidence.commands.rescue(), True)
