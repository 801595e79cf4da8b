"""MIG1: what the build does on the way from the host to the image."""

from __future__ import annotations

from collections.abc import Iterator

from migops.chain import revision_ids
from migops.evidence import Evidence, Exclusion
from migops.model import PlaceName, Remedy, Severity, Subject
from migops.rules.remedies import rebuild
from migops.rules.rule import Hit, Rule

HOST, CONTEXT = PlaceName.HOST, PlaceName.CONTEXT


def excluded_from_context(evidence: Evidence) -> Iterator[Hit]:
    """A migration script of the host never reaches the build: an ignore file drops it, or no COPY brings it.

    What: the script is on the host and in git, and no build can bring it into the image.

    Why: a line of `.dockerignore` (or of the Dockerfile's own ignore file) matches it, often one that was meant for
    something else; or the Dockerfile copies other folders only.

    Fix: take that line out, or re-include the folder with a line that starts with `!` after it; or add the COPY. Then
    build again.
    """
    host, context = evidence.chain.held(HOST), evidence.chain.held(CONTEXT)
    if host is None or context is None:
        return
    lines = {exclusion.name: exclusion for exclusion in evidence.exclusions}
    ids = revision_ids(host)
    for name in sorted(host.scripts.keys() - context.scripts.keys()):
        exclusion = lines.get(name)
        yield Hit(
            Subject(ids.get(name, ""), name),
            f"{name} is on the host and never reaches the build",
            f"{exclusion.at} drops it: {exclusion.pattern}" if exclusion else _not_brought(evidence),
            (HOST, CONTEXT),
            {"ignore_file": exclusion.at.file, "line": exclusion.at.line, "pattern": exclusion.pattern}
            if exclusion
            else {},
            _include(evidence, exclusion),
        )


def _not_brought(evidence: Evidence) -> str:
    return evidence.not_copied or "the COPY and ADD instructions of the build leave it out"


def _include(evidence: Evidence, exclusion: Exclusion | None) -> tuple[Remedy, ...]:
    if exclusion:
        edit = f"take line {exclusion.at.line} out of {exclusion.at.file}, or re-include the folder after it"
    else:
        edit = "add a COPY that brings the folder to the Dockerfile"
    return (Remedy(edit), *rebuild(evidence, "build again"))


RULES = (Rule("MIG104", "excluded-from-context", Severity.ERROR, (HOST, CONTEXT), excluded_from_context),)
