"""MIG1: what the build does on the way from the host to the image."""

from __future__ import annotations

from collections.abc import Iterator

from migops.evidence import Evidence
from migops.model import PlaceName, Remedy, Severity, Subject
from migops.rules.remedies import rebuild
from migops.rules.rule import Hit, Rule

HOST, CONTEXT = PlaceName.HOST, PlaceName.CONTEXT


def excluded_from_context(evidence: Evidence) -> Iterator[Hit]:
    """A migration script of the host never reaches the build: an ignore file drops it.

    What: the script is on the host and in git, and no build can bring it into the image.

    Why: a line of `.dockerignore` (or of the Dockerfile's own ignore file) matches it, often one that was meant for
    something else.

    Fix: take that line out, or re-include the folder with a line that starts with `!` after it; then build again.
    """
    host = evidence.chain.held(HOST)
    ids = {revision.path: revision.id for revision in host.revisions} if host else {}
    for exclusion in evidence.exclusions:
        file = host.scripts.get(exclusion.name) if host else None
        yield Hit(
            Subject(ids.get(file.path, "") if file else "", exclusion.name),
            f"{exclusion.name} is on the host and never reaches the build",
            f"{exclusion.at} drops it: {exclusion.pattern}",
            (HOST, CONTEXT),
            {"ignore_file": exclusion.at.file, "line": exclusion.at.line, "pattern": exclusion.pattern},
            (
                Remedy(f"take line {exclusion.at.line} out of {exclusion.at.file}, or re-include the folder after it"),
                *(Remedy(f"then {remedy.why}", remedy.command) for remedy in rebuild(evidence, "build again")),
            ),
        )


RULES = (Rule("MIG104", "excluded-from-context", Severity.ERROR, (HOST, CONTEXT), excluded_from_context),)
