"""The commands that findings about containers print: what must come first, and how a named volume is made right."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from migops.analysis.container_view import HOST, IMAGE, Script, View, held_in
from migops.analysis.evidence import Evidence
from migops.core.model import Remedy
from migops.core.text import some
from migops.rules.remedies import rebuild
from migops.sources.container import digests
from migops.sources.container_files import Mount, at_or_below
from migops.sources.database_state import DatabaseState
from migops.sources.environment import Environment
from migops.sources.git_status import GitRecord, GitStatus

IN_VOLUME = "/volume"  # where a printed command mounts a volume that it mends
NAMED_AT_MOST = 20  # files that a printed command names one by one
_UNSEEN = GitRecord(GitStatus.UNKNOWN)


def before_recreating(evidence: Evidence, view: View) -> tuple[Remedy, ...]:
    """What must come before a container or its volume goes: what only it has is saved, and the image is made right."""
    steps = [*catch_up(evidence, (script for script in view.scripts if script.is_ours_alone))]
    alone = dict.fromkeys(script.name for script in (*view.container_only(), *view.unsaved()))
    if alone:
        steps.append(Remedy(f"first save what only the container has: {some(alone)}", evidence.commands.rescue()))
    if steps or _image_is_stale(evidence):
        steps += rebuild(evidence, "build the image, so that it holds what the host holds")
    return tuple(steps)


def give_up(evidence: Evidence, view: View, scripts: Iterable[Script]) -> tuple[Remedy, ...]:
    """The other way with a revision that only the container's writable layer has: to let it go, not to bring it back.

    Not offered where a mount shows it (recreating the container would not help), where git's upstream has it, nor where
    the database is known to have had it.
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
            f"where it was given up ({names} was deleted from the host on purpose): deploy without it; its script is "
            "saved in the state folder first",
            evidence.commands.migops("rebuild-and-migrate", *words),
            alternative=True,
        ),
        Remedy(
            f"recreate the container alone, which loses the file (docker cp {view.container.name}:{gone[0].path} . "
            "keeps a copy)",
            evidence.commands.up("--force-recreate"),
            alternative=True,
        ),
    )


def catch_up(evidence: Evidence, scripts: Iterable[Script]) -> tuple[Remedy, ...]:
    """How the host gets those of the scripts that its upstream branch has."""
    git_records = [evidence.git_records[script.name] for script in scripts if script.record is GitStatus.UPSTREAM]
    steps = dict.fromkeys(record.remedy for record in git_records if record.remedy)
    return tuple(replace(step, why=f"the host is behind, upstream has it: {step.why}") for step in steps)


def _image_is_stale(evidence: Evidence) -> bool:
    """Whether the image differs from the host, and a build from the host would take nothing away that is meant."""
    host, image = held_in(evidence, HOST), held_in(evidence, IMAGE)
    lost = image.scripts.keys() - host.scripts.keys()
    git_records = [evidence.git_records[name] for name in lost if name in evidence.git_records]
    return digests(host) != digests(image) and all(record.kind.rebuild_helps for record in git_records)


def refresh(evidence: Evidence, view: View, mount: Mount) -> Iterator[Remedy]:
    """The commands that give a named volume the image's files; each file that they remove is named."""
    found = view.container.found
    if not isinstance(found, Environment):
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
        yield Remedy(f"take out of the volume what is not meant to be there ({names})", words)
    script_location = found.paths.script_location
    folders = [script_location] if at_or_below(script_location, mount.target) else list(view.held.location)
    for folder in folders:
        if at_or_below(folder, mount.target):
            words = run("cp", "-a", f"{folder}/.", f"{inside(folder)}/")
            yield Remedy("copy the image's files into the volume", words)
    kept = [script for script in surplus if evidence.git_records.get(script.name, _UNSEEN).kind is GitStatus.NO_GIT]
    if kept:
        yield Remedy("to keep what would be taken out, copy it to the host first", evidence.commands.rescue(), True)
