"""MIG704 and MIG705: deleted or edited migration scripts that the database has already applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.analysis.chain import ORDER
from migops.analysis.database_position import position
from migops.analysis.evidence import Evidence
from migops.analysis.script_diff import content_difference
from migops.core.model import MigrationFile, MigrationSet, PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import listed
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule, Undetermined
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from migops.sources.git_history import Deleted

GIT, HOST, IMAGE, DATABASE = PlaceName.GIT, PlaceName.HOST, PlaceName.IMAGE, PlaceName.DATABASE
_NOT_RUN = ("git", "host", "context")  # places that Alembic does not run in


def deleted_but_applied(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A migration script was deleted although the database has applied it.

    What: the database keeps the migration's changes, and its version table may name the revision. An image without the
    script fails with "Can't locate revision identified by …", and nothing can downgrade past it.

    Why: a migration was dropped, or squashed into another one, after it had been applied here.

    Alembic says: "Can't locate revision identified by '…'".

    Fix: restore the script. To drop the migration, first downgrade every environment (`alembic downgrade`, with an
    image that has the script), and only then delete it.

    With migops: `migops alembic downgrade REV` shows what it undoes, and stops if the image lacks a script that it
    needs.

    Seen in: HHS/simpler-grants-gov#643
    """
    if isinstance(evidence.past, Unknown):
        yield Undetermined(evidence.past.reason)
    for revision, lost in sorted(lost_scripts(evidence).items()):
        yield Match(
            Subject(revision, lost.path),
            f"the database has applied {lost.named}, but its script was deleted",
            lost.cause,
            (GIT, HOST),
            {"commit": lost.commit, "parents": list(lost.parents), "held_by": list(lost.holders)},
            tuple(bring_back(evidence, lost)),
        )


def edited_after_applied(evidence: Evidence) -> Iterator[Match]:
    """A migration script that the database has applied is not the same everywhere: somebody edited it.

    What: an applied migration never runs again, so the edit does not reach this database, but it does reach the next
    new one. From then on their schemas differ, and nothing reports it. Formatting (line endings, white space) does not
    count.

    Why: the script was fixed in place after it had run. Nothing records which version the database ran, so an edit that
    has reached every place by now cannot be detected.

    Fix: put the change into a new revision, and restore the old text of the script.

    Seen in: digital-land/digital-land.info#518
    """
    for script in disputed(evidence):
        names = [place.value for place in script.others]
        cause, look = _edit(evidence, script)
        text = f"{script.name} differs between the host and {listed(names)}"
        yield Match(
            Subject(script.revision, script.name),
            f"the database has applied {script.revision}, but {text}",
            cause,
            (GIT, HOST),
            {"differs_in": names, "sha256": script.host.sha256},
            (look, Remedy("put the change into a new revision, and restore the applied text of this script")),
        )


RULES = (
    Rule("MIG704", "deleted-but-applied", Severity.WARNING, (GIT, HOST, DATABASE), deleted_but_applied),
    Rule("MIG705", "edited-after-applied", Severity.WARNING, (HOST, DATABASE), edited_after_applied),
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A script that the database has applied and the host no longer has. ``holders`` still have it."""

    named: str
    path: str
    parents: tuple[str, ...]
    cause: str
    commit: str
    remedy: Remedy | None
    holders: tuple[str, ...]


def lost_scripts(evidence: Evidence) -> dict[str, Lost]:
    """Revisions that the database has applied and whose script, as far as git knows, was deleted on the host."""
    lost: dict[str, Lost] = {}
    past = evidence.past if not isinstance(evidence.past, Unknown) else None
    git = evidence.graphs.get(GIT)
    missing = applied_without_script(evidence)
    if past is not None:
        missing |= past.deleted.keys() - evidence.graphs[HOST].by_id.keys()
    held_by = position(evidence).holders if missing else {}
    for revision in missing:
        holders = held_by.get(revision, ())
        if git is not None and revision in git.by_id:
            script = git.by_id[revision]
            cause = "deleted in the working tree, but not committed: HEAD still has it"
            lost[revision] = Lost(_named(revision, script.message), script.path, script.parents, cause, "",
                                   _from_head(evidence, script.path), holders)  # fmt: skip
        elif past is not None and revision in past.deleted:
            lost[revision] = _by_commit(past.deleted[revision], holders)
    return lost


def _from_head(evidence: Evidence, path: str) -> Remedy | None:
    git = evidence.chain.held(GIT)
    names = [name for name, file in git.scripts.items() if file.path == path] if git else []
    for tree in evidence.worktrees if not isinstance(evidence.worktrees, Unknown) else ():
        if names and names[0] in tree.names:
            restore = tree.command("restore", "--source=HEAD", "--staged", "--worktree", scripts=names)
            return Remedy("restore its script", restore)
    return None


def _by_commit(deleted: Deleted, holders: tuple[str, ...]) -> Lost:
    script = deleted.revision
    cause = f"deleted by commit {deleted.commit} of {deleted.date[:10]} ({deleted.subject})"
    named = _named(script.id, script.message)
    return Lost(named, script.path, script.parents, cause, deleted.commit, deleted.remedy, holders)


def _named(revision: str, message: str) -> str:
    return f"{revision} ({message})" if message else revision


def applied_without_script(evidence: Evidence) -> frozenset[str]:
    """The revisions that the database has applied but that have no script on the host."""
    if HOST not in evidence.graphs or not isinstance(evidence.database, DatabaseState):
        return frozenset()
    host, applied = evidence.graphs[HOST].by_id, position(evidence).applied
    parents = {parent for each in applied if each in host for parent in host[each].parents}
    return frozenset((applied | parents) - host.keys())


def named_here(evidence: Evidence) -> set[str]:
    """Names of the scripts whose deletion or edit these rules report, so that MIG702 does not repeat it."""
    git = evidence.chain.held(GIT)
    lost = {each.path for each in lost_scripts(evidence).values()}
    deleted = {name for name, file in git.scripts.items() if file.path in lost} if git else set()
    return deleted | {each.name for each in disputed(evidence) if GIT in each.others}


def bring_back(evidence: Evidence, lost: Lost) -> Iterator[Remedy]:
    """Steps to get the script back onto the host and into the image, or to drop it safely."""
    if lost.remedy:
        yield lost.remedy
    if IMAGE.value not in lost.holders:
        yield from rebuild(evidence, "rebuild to get it into the image")
    below = lost.parents[0] if lost.parents else "base"
    runs = [name if " " in name else f"the {name}" for name in lost.holders if name not in _NOT_RUN]
    where = f"in {listed(runs)}, which still has it" if runs else "with an image that has it"
    yield Remedy(
        f"to drop it, first take a backup and downgrade the database to {below} {where} (this removes what it "
        "added to the schema, including the data)",
        alternative=True,
    )


def _edit(evidence: Evidence, script: Disputed) -> tuple[str, Remedy]:
    """Who edited it, and how to see the change."""
    if GIT in script.others:
        cause = "it was edited in the working tree and not committed"
        trees = evidence.worktrees if not isinstance(evidence.worktrees, Unknown) else ()
        holder = next((tree for tree in trees if script.name in tree.names), None)
        look = holder.command("diff", "HEAD", scripts=[script.name]) if holder else ()
        return cause, Remedy("see the change", look)
    edit = evidence.past.edits.get(script.name) if evidence.past and not isinstance(evidence.past, Unknown) else None
    if edit:
        cause = f"edited in commit {edit.commit} of {edit.date[:10]} ({edit.subject})"
        return cause, Remedy("see what that commit changed", edit.show)
    other = next(iter(script.others)).value
    return "it was edited after that copy was made", Remedy(f"compare the host's text with the one in the {other}")


@dataclass(frozen=True, slots=True)
class Disputed:
    """A script that the database has applied, and the places where its text differs from the host's."""

    revision: str
    name: str
    host: MigrationFile
    others: Mapping[PlaceName, MigrationFile]


def disputed(evidence: Evidence) -> Iterator[Disputed]:
    """The applied scripts of the host whose text differs in another place."""
    host = evidence.chain.held(HOST)
    if host is None or not isinstance(evidence.database, DatabaseState) or not evidence.database.rows:
        return
    applied = position(evidence).applied
    places = [place for place in ORDER if place not in (HOST, PlaceName.CONTEXT)]
    copies = {place: _by_revision(held) for place in places if (held := evidence.chain.held(place)) is not None}
    for revision, ours in _by_revision(host).items():
        if revision in applied:
            others: dict[PlaceName, MigrationFile] = {
                place: theirs
                for place, held in copies.items()
                if (theirs := held.get(revision)) is not None
                and theirs.sha256 != ours.sha256
                and content_difference(ours.content, theirs.content) == "content"
            }
            if others:
                yield Disputed(revision, ours.name, ours, others)


def _by_revision(held: MigrationSet) -> dict[str, MigrationFile]:
    files = {file.path: file for file in held.scripts.values()}
    return {each.id: files[each.path] for each in held.revisions if each.path in files}
