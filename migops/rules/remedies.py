"""The commands that findings print, built from how the user addressed the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migops.analysis.chain import revision_ids
from migops.analysis.database_position import position
from migops.analysis.evidence import Evidence
from migops.analysis.script_diff import renamed
from migops.core.model import PlaceName, Remedy, Unknown
from migops.core.redaction import redact
from migops.core.text import first_few
from migops.images.image import Layer
from migops.sources.database_state import DatabaseState

HAD = "the database has applied it"
NAMED = 3  # scripts that a sentence names
PRUNE = ("docker", "builder", "prune", "--force", "--filter", "type=source.local")


def rebuild(evidence: Evidence, why: str, scripts: Iterable[str] = ()) -> tuple[Remedy, ...]:
    """The smallest build that gets the host's files into the image; ``scripts`` are the ones the finding is about.

    A plain build is enough for scripts from a COPY: the cache key is the files themselves. If another instruction
    fetches them (git clone, a package), only a build without the cache runs it again. Scripts in the base image change
    only with the base. The builder does not even receive an edit that left size and modification time unchanged.
    """
    lost, reason = unsettled(evidence)
    if lost:
        why = f"{reason}, and a build would remove it from the image"
        return (Remedy(f"first settle {lost}: {why}{_how(evidence) if reason == HAD else ''}"),)
    if not evidence.commands.can_build:
        image = evidence.commands.image
        return (Remedy(f"migops does not know how {image} is built; do this where it is: {why}"),)
    return tuple(_steps(evidence, why, tuple(scripts)))


def _steps(evidence: Evidence, why: str, names: tuple[str, ...]) -> Iterator[Remedy]:
    flags: tuple[str, ...] = ()
    if any(unnoticed(evidence, name) for name in names):
        yield Remedy(
            "clear the builder's copy of the sources: the edit kept size and date, so the builder does not see it",
            PRUNE,
        )
    if any(from_base(evidence, name) for name in names):
        base = evidence.commands.build_base(evidence.base)
        if base:
            yield Remedy(f"it is in the base image {evidence.base}: build that one first", base)
        else:
            flags = ("--pull",)
            why = f"{why}; --pull gets the newest {evidence.base} (if it is built on this host, build it first)"
    elif evidence.uncached:
        flags = ("--no-cache",)
        why = f"{why} (without the cache, which would keep the result of {evidence.uncached})"
    yield Remedy(why, evidence.commands.build(*flags))


def unsettled(evidence: Evidence) -> tuple[str, str]:
    """The scripts that only the image has and that any build would lose, and the reason not to lose them."""
    host, image = evidence.chain.held(PlaceName.HOST), evidence.chain.held(PlaceName.IMAGE)
    if host is None or image is None:
        return "", ""
    alone = sorted(image.scripts.keys() - host.scripts.keys() - renamed(host, image).keys())
    names = [name for name in alone if (record := evidence.git_records.get(name)) and not record.kind.rebuild_helps]
    if names:
        return first_few(names, NAMED), "git has no record of its deletion"
    if alone and isinstance(evidence.database, DatabaseState):
        ids, applied = revision_ids(image), position(evidence).applied
        names = [name for name in alone if ids.get(name) in applied]
    return first_few(names, NAMED), HAD


def _how(evidence: Evidence) -> str:
    """How to settle a script that the database has applied."""
    if evidence.past is not None and not isinstance(evidence.past, Unknown):
        return " (see MIG704)"
    return ". Copy it to the host, or downgrade below it with this image while it still can"


def from_base(evidence: Evidence, name: str) -> bool:
    """True if the image's copy of the script is in a layer of the base image."""
    layer = evidence.layers.get(name)
    return isinstance(layer, Layer) and layer.base is True


def unnoticed(evidence: Evidence, name: str) -> bool:
    """True if host and image have different texts of the same size and time, which the build cache takes for equal."""
    host, image = evidence.chain.held(PlaceName.HOST), evidence.chain.held(PlaceName.IMAGE)
    ours, theirs = host and host.scripts.get(name), image and image.scripts.get(name)
    if not ours or not theirs or ours.sha256 == theirs.sha256:
        return False
    return (ours.size, int(ours.mtime)) == (theirs.size, int(theirs.mtime))


def layer_facts(evidence: Evidence, name: str) -> dict[str, object]:
    """The layer with the image's copy of a script, as ``facts``."""
    layer = evidence.layers.get(name)
    if isinstance(layer, Unknown):
        return {"layer": None, "layer_unknown": layer.reason}
    if layer is None:
        return {}
    created = layer.created.isoformat() if layer.created else None
    return {
        "layer": {"index": layer.index, "created_by": redact(layer.created_by), "created": created, "base": layer.base},
    }
