"""MIG3: faults of the revision graph itself, in each place that was read."""

from __future__ import annotations

from collections.abc import Iterator

from migops.analysis.chain import ORDER
from migops.analysis.evidence import Evidence
from migops.core.model import Location, PlaceName, Remedy, Severity, Subject
from migops.core.text import counted, some
from migops.rules.database_remedies import merge
from migops.rules.lines import line_of, of_service
from migops.rules.problems import COMMIT, in_words, link_into, of_container, problems
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule
from migops.sources.database_state import DatabaseState

LONGEST_ID = 32  # characters; the size of version_num as Alembic creates it


def multiple_heads(evidence: Evidence) -> Iterator[Match]:
    """The history has more than one head.

    What: `alembic upgrade head` stops with "Multiple head revisions are present for given argument 'head'".

    Why: two revisions were written with the same parent; or only the image has two heads, because it still contains a
    script that was deleted on the host.

    Alembic says: "Multiple head revisions are present for given argument 'head'" (upgrade), "Multiple heads are
    present" (revision).

    Fix: heads only in the image: rebuild it. Heads on the host: join them with `alembic merge`, or set the
    `down_revision` of one to the other. Heads on purpose (labelled branches): declare them with `x-migops: {heads:
    many}` in the compose file.

    With migops: heads only in the image: `migops rebuild-and-migrate SERVICE`. Heads on the host: `migops alembic merge
    -m "merge"` finds the heads itself, stops if they come from an old image, and saves the new file on the host.

    Seen in: onyx-dot-app/onyx#1510, songhahaha66/PaperAgent#271, podly-pure-podcasts/podly_pure_podcasts#234
    """
    if evidence.many_heads_are_meant:
        return
    seen: dict[tuple[str, ...], list[PlaceName]] = {}
    for place in ORDER:
        graph = evidence.graphs.get(place)
        # From the graph, not from Alembic, which counts a duplicated id as a head.
        for problem in graph.problems if graph else ():
            if problem.rule == "MIG301":
                seen.setdefault(tuple(sorted(problem.revisions)), []).append(place)
    for heads, places in seen.items():
        names = ", ".join(heads)
        yield Match(
            Subject(path=""),
            f"{in_words(places)} {'have' if len(places) > 1 else 'has'} {len(heads)} heads: {names}",
            _heads_cause(evidence, heads, places),
            link_into(evidence, places[0]),
            {"heads": list(heads), "places": [place.value for place in places]},
            _heads_remedy(evidence, heads, places),
        )


def _heads_cause(evidence: Evidence, heads: tuple[str, ...], places: list[PlaceName]) -> str:
    graph = evidence.graphs[places[0]]
    parents = {parent for revision in graph.revisions if revision.id in heads for parent in revision.parents}
    cause = (
        f"two or more revisions have the parent {', '.join(sorted(parents))}"
        if len(parents) == 1
        else "no merge revision joins the branches"
    )
    host = evidence.graphs.get(PlaceName.HOST)
    if PlaceName.HOST not in places and host is not None:
        extra = ", ".join(sorted(set(heads) - set(host.heads))) or "a different history"
        ours = "head " + ", ".join(host.heads) if host.heads else "no head"
        cause += f"; the host has {ours}, the {places[0].value} also has {extra}"
    return cause


def _committed(evidence: Evidence) -> Iterator[Remedy]:
    """The commit of the scripts in which the host differs from git's HEAD."""
    for worktree in evidence.worktrees if isinstance(evidence.worktrees, tuple) else ():
        names = sorted(worktree.names.keys() - worktree.ignored.keys())
        if names:
            yield Remedy(COMMIT.why, worktree.command("add", "-A", scripts=names))
            message = f"Bring the migrations to what the host has: {some(names)}"
            yield Remedy("commit it", worktree.command("commit", "-m", message, scripts=names))


def _heads_remedy(evidence: Evidence, heads: tuple[str, ...], places: list[PlaceName]) -> tuple[Remedy, ...]:
    host = evidence.graphs.get(PlaceName.HOST)
    if PlaceName.HOST in places and host is not None and any(each.rule == "MIG302" for each in host.problems):
        text = "first fix MIG302: with the missing parent back, or another one set, there may be one head"
        return (Remedy(text, after=("MIG302",)),)
    if PlaceName.HOST in places:
        return (
            *merge(evidence, heads),
            *rebuild(evidence, "rebuild the image with the new revision"),
            Remedy(
                "if one of them has not been applied anywhere: set its down_revision to the other head instead",
                alternative=True,
            ),
            Remedy(
                "if the branches are intentional: x-migops: {heads: many} under the service in the compose file",
                alternative=True,
                at=of_service(evidence),
            ),
        )
    if places == [PlaceName.CONTAINER]:
        return of_container(evidence)
    if places == [PlaceName.GIT]:
        return tuple(_committed(evidence)) or (COMMIT,)
    image = evidence.chain.held(PlaceName.IMAGE)
    git_records = (
        [evidence.git_records[name] for name in image.scripts if name in evidence.git_records] if image else []
    )
    if not all(record.kind.rebuild_helps for record in git_records):
        return (
            Remedy("first settle the scripts that only the image has; the findings above say how", after=("MIG001",)),
        )
    return rebuild(evidence, _rebuilt(evidence), evidence.git_records)


def _rebuilt(evidence: Evidence) -> str:
    host = evidence.graphs.get(PlaceName.HOST)
    number = len(host.heads) if host else 0
    return "rebuilding leaves only the host's head" if number == 1 else "rebuilding leaves only the host's heads"


def missing_parent(evidence: Evidence) -> Iterator[Match]:
    """A revision's `down_revision` names a revision that has no script.

    What: every Alembic command fails with a bare `KeyError`.

    Why: the parent's script was deleted or never committed; or `down_revision` contains a file name instead of an id.

    Alembic says: the warning "Revision … referenced from … is not present", then `KeyError: '…'`.

    Fix: restore the parent, or set `down_revision` to the revision that really precedes it.

    With migops: `migops graph` draws the history, even a broken one.

    Seen in: open-ace/open-ace#1180
    """
    yield from problems(evidence, "MIG302")


def duplicate_revision(evidence: Evidence) -> Iterator[Match]:
    """Two scripts have the same revision id.

    What: Alembic prints a warning, uses one of them (which one depends on the order of the files), and often reports
    several heads.

    Why: a script was copied and only its text changed, or a rename left the old file behind.

    Alembic says: the warning "Revision … is present more than once".

    Fix: give one of them its own id, or delete the extra copy.

    With migops: `migops graph` draws the history, even a broken one.

    Seen in: voipbin/monorepo#579
    """
    yield from problems(evidence, "MIG303")


def cycle(evidence: Evidence) -> Iterator[Match]:
    """Revisions are ancestors of each other.

    What: Alembic refuses the whole history with a cycle error.

    Why: a `down_revision` was edited to point forward; or an id is used twice, which closes a cycle.

    Alembic says: "Cycle is detected in revisions (…)".

    Fix: set one `down_revision` of the cycle to the revision that really precedes it.

    With migops: `migops graph` draws the history, even a broken one.

    Seen in: voipbin/monorepo#579
    """
    yield from problems(evidence, "MIG304")


def empty_history(evidence: Evidence) -> Iterator[Match]:
    """A versions folder contains no migration script.

    What: `alembic upgrade head` and `alembic heads` print nothing and exit with 0. It looks like success.

    Why: the project has no migrations yet, or this is not the right folder.

    Fix: write the first revision, or set `script_location` to the folder that has them.

    With migops: `migops alembic revision --autogenerate -m "initial"` writes the first revision on an empty database.
    For a database that already has the tables: `migops adopt --baseline`.
    """
    # If the host has scripts and only the image has none, MIG004 reports it.
    host = evidence.graphs.get(PlaceName.HOST)
    yield from (
        match
        for match in problems(evidence, "MIG305")
        if host is None or not host.revisions or PlaceName.HOST.value in match.facts["places"]
    )


def unreadable_revision(evidence: Evidence) -> Iterator[Match]:
    """A script cannot be understood without running it, and migops never runs it.

    What: its place in the history is unknown, so heads and parents may be wrong.

    Why: `revision` or `down_revision` is computed, or the file is not valid Python.

    Fix: write the identifiers as plain strings, as Alembic itself does.

    With migops: `migops graph` draws the history, even a broken one.
    """
    yield from problems(evidence, "MIG306")


def no_downgrade(evidence: Evidence) -> Iterator[Match]:
    """Revisions cannot be undone: their `downgrade` is missing, does nothing or raises.

    What: `alembic downgrade` past one of them changes the recorded revision but not the schema, or stops there. Only a
    backup can undo it then.

    Why: nobody wrote it; or the change cannot be undone, and then a `raise` that says so is right.

    Fix: write it while you still know what the revision did, and test it on a copy of the data. A revision
    whose `upgrade` does nothing as well, like a merge, has nothing to undo.

    With migops: `migops rebuild-and-migrate --rehearse SERVICE` upgrades, downgrades and upgrades a disposable copy,
    and reports what the downgrade did not restore.

    Seen in: IBM/mcp-context-forge#4429, apache/airflow#12608
    """
    graph = evidence.graphs.get(PlaceName.HOST)
    without = [each for each in graph.revisions if not each.has_downgrade] if graph else []
    if without:
        ids = [each.id for each in without]
        yield Match(
            Subject(ids[0] if len(ids) == 1 else "", without[-1].path),
            f"{counted(len(ids), 'revision')} cannot be undone: {some(ids)}",
            "the downgrade is missing, does nothing or raises",
            None,
            {"revisions": ids},
            (
                Remedy(
                    "write the downgrade, or make sure that there is a backup before you apply it",
                    at=line_of(f"{without[0].path}:{without[0].line}") if len(without) == 1 else None,
                ),
            ),
        )


def long_revision_id(evidence: Evidence) -> Iterator[Match]:
    """A revision's id is longer than the column in which Alembic records it.

    What: the migration runs, and then the UPDATE of `alembic_version` fails with "value too long for type character
    varying(32)". SQLite accepts any length, so tests on SQLite pass.

    Why: `--rev-id`, or a script named by hand, with words in the id.

    Alembic says: "StringDataRightTruncation: value too long for type character varying(32)".

    Fix: use a shorter id, in the script and in the `down_revision` of its children; or widen the column before the
    upgrade. If the database already contains such an id, its column is wide enough, and there is no finding.

    Seen in: Abilityai/trinity#1420
    """
    state = evidence.database
    if isinstance(state, DatabaseState) and (
        state.server.startswith("SQLite") or any(len(row) > LONGEST_ID for row in state.rows)
    ):
        return
    seen: dict[str, list[PlaceName]] = {}
    for place in ORDER:
        graph = evidence.graphs.get(place)
        for name in graph.by_id if graph else ():
            if len(name) > LONGEST_ID:
                seen.setdefault(name, []).append(place)
    for name, places in seen.items():
        revision = evidence.graphs[places[0]].by_id[name]
        yield Match(
            Subject(name, f"{revision.path}:{revision.line}"),
            f"{in_words(places)}: the id {name} has {len(name)} characters",
            f"the column version_num of Alembic's version table has room for {LONGEST_ID}, unless somebody widened it",
            link_into(evidence, places[0]),
            {"length": len(name), "places": [place.value for place in places]},
            (
                Remedy(
                    "give it a shorter id, in the script and in the down_revision of its children",
                    at=_on_host(evidence, name),
                ),
                Remedy(
                    "or widen the column before the upgrade: ALTER TABLE alembic_version ALTER COLUMN version_num "
                    "TYPE varchar(128)",
                    alternative=True,
                ),
            ),
        )


RULES = (
    Rule("MIG301", "multiple-heads", Severity.ERROR, (), multiple_heads),
    Rule("MIG302", "missing-parent", Severity.ERROR, (), missing_parent),
    Rule("MIG303", "duplicate-revision", Severity.ERROR, (), duplicate_revision),
    Rule("MIG304", "cycle", Severity.ERROR, (), cycle),
    Rule("MIG305", "empty-history", Severity.WARNING, (), empty_history),
    Rule("MIG306", "unreadable-revision", Severity.ERROR, (), unreadable_revision),
    Rule("MIG307", "no-downgrade", Severity.INFO, (), no_downgrade, lint=True),
    Rule("MIG308", "long-revision-id", Severity.WARNING, (), long_revision_id),
)


def _on_host(evidence: Evidence, revision: str) -> Location | None:
    """The line of the revision's id in its script on the host; None if the host does not have it."""
    graph = evidence.graphs.get(PlaceName.HOST)
    script = graph.by_id.get(revision) if graph else None
    return Location(script.path, script.line) if script else None
