"""Whether the image that adopt runs is what the host has: else its result would rest on old migrations. Only reads."""

from __future__ import annotations

from collections.abc import Iterable

from migops import collect
from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.match import Match, Verdict
from migops.commands.adopt.outcome import Outcome, Stale
from migops.commands.alembic.visible_migrations import History, compare
from migops.core.errors import Aborted, MigopsError
from migops.core.terminal import shell_line
from migops.docker import Engine
from migops.migrations.build import build
from migops.rules.remedies import rebuild


def compared(inputs: AdoptInputs, engine: Engine) -> Stale | None:
    """What the host has otherwise than the image, and the command that helps; None if nothing, or it is not known."""
    target = inputs.target
    history = History(build(inputs.migrations.revisions), inputs.migrations, "the image", is_image=True)
    try:
        gap = compare(target, history)
    except MigopsError:
        return None  # without migrations on the host the image is all there is
    if not gap:
        return None
    evidence = collect.check(target, lambda: engine)
    steps = rebuild(evidence, "build the image", evidence.git_records)
    commands = tuple(step.command for step in steps if step.command) or (target.commands.migops("doctor"),)
    names = frozenset((*gap.host_only, *gap.place_only, *gap.moved, *_revisions(inputs, gap.changed)))
    return Stale(gap.sentence(), commands, names)


def _revisions(inputs: AdoptInputs, changed: Iterable[str]) -> Iterable[str]:
    """The revisions of changed scripts."""
    paths = {inputs.migrations.scripts[name].path for name in changed if name in inputs.migrations.scripts}
    return (revision.id for revision in inputs.migrations.revisions if revision.path in paths)


def refuse(outcome: Outcome) -> None:
    """Raise ``Aborted`` if the revision that was found rests on scripts that the host has otherwise."""
    stale, match = outcome.stale, outcome.match
    if stale is None or match is None or match.verdict is not Verdict.EQUAL:
        return
    old = sorted(stale.revisions & _history(outcome, match))
    if old:
        raise Aborted(
            f"the schema matches {outcome.named(match.chosen.heads)} of an image that is not what the host has: "
            f"{stale.sentence}. A stamp would rest on the old {'script' if len(old) == 1 else 'scripts'}",
            commands=list(stale.commands),
            hint="build first, then adopt again",
        )


def _history(outcome: Outcome, match: Match) -> frozenset[str]:
    """The revisions that a stamp of the match would record as applied."""
    return frozenset(build(outcome.inputs.migrations.revisions).ancestors(match.chosen.heads))


def hint(stale: Stale | None) -> str:
    """The advice for a trial that failed on an old image; '' if the image is not old."""
    return f"the image is not what the host has; build first: {shell_line(stale.commands[0])}" if stale else ""
