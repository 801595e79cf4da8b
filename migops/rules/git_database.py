"""MIG704 and MIG705: what was done to migration scripts that the database has had already."""

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
    """A migration script was deleted, and the database has had it.

    What: the database keeps what the migration did, and its version table may name it. An image without the script
    cannot get past it: "Can't locate revision identified by …", and it can never be taken back.

    Why: a migration was given up, or squashed into another one, after it had been applied here.

    Fix: bring the script back. To give it up, take it back in the database first (`alembic downgrade`, with an image
    that has the script), in every environment, and only then delete it.
    """
    if isinstance(evidence.past, Unknown):
        yield Undetermined(evidence.past.reason)
    for revision, lost in sorted(lost_scripts(evidence).items()):
        yield Match(
            Subject(revision, lost.path),
            f"the database has had {lost.named}, and its script was deleted",
            lost.cause,
            (GIT, HOST),
            {"commit": lost.commit, "parents": list(lost.parents), "held_by": list(lost.holders)},
            tuple(bring_back(evidence, lost)),
        )


def edited_after_applied(evidence: Evidence) -> Iterator[Match]:
    """A migration script that the database has had does not have the same text everywhere: somebody edited it.

    What: an applied migration never runs again, so the edit does not reach this database, and does reach the next one
    that is made. From then on their schemas differ, and nothing says so. Form (line ends, white space) is no edit.

    Why: the script was mended in place after it had run. Which of the texts the database ran, nobody noted: an edit
    that has reached every place by now cannot be told from none.

    Fix: put the change into a new revision, and give the script its old text again.
    """
    for each in disputed(evidence):
        names = [place.value for place in each.others]
        cause, look = _edit(evidence, each)
        text = f"{each.name} has another text on the host than in {listed(names)}"
        yield Match(
            Subject(each.revision, each.name),
            f"the database has had {each.revision}, and {text}",
            cause,
            (GIT, HOST),
            {"differs_in": names, "sha256": each.host.sha256},
            (look, Remedy("put the change into a new revision, and give this script back the text that was applied")),
        )


RULES = (
    Rule("MIG704", "deleted-but-applied", Severity.WARNING, (GIT, HOST, DATABASE), deleted_but_applied),
    Rule("MIG705", "edited-after-applied", Severity.WARNING, (HOST, DATABASE), edited_after_applied),
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A script that the database has had and the host no longer has. ``holders`` still have it."""

    named: str
    path: str
    parents: tuple[str, ...]
    cause: str
    commit: str
    remedy: Remedy | None
    holders: tuple[str, ...]


def lost_scripts(evidence: Evidence) -> dict[str, Lost]:
    """What the database has had and the host has no script of, as far as git knows that it was deleted, by revision."""
    found: dict[str, Lost] = {}
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
            cause = "it was deleted in the working tree, and no commit has that: HEAD has it"
            found[revision] = Lost(_named(revision, script.message), script.path, script.parents, cause, "",
                                   _from_head(evidence, script.path), holders)  # fmt: skip
        elif past is not None and revision in past.deleted:
            found[revision] = _by_commit(past.deleted[revision], holders)
    return found


def _from_head(evidence: Evidence, path: str) -> Remedy | None:
    git = evidence.chain.held(GIT)
    names = [name for name, file in git.scripts.items() if file.path == path] if git else []
    for tree in evidence.worktrees if not isinstance(evidence.worktrees, Unknown) else ():
        if names and names[0] in tree.names:
            restore = tree.command("restore", "--source=HEAD", "--staged", "--worktree", scripts=names)
            return Remedy("bring its script back", restore)
    return None


def _by_commit(deleted: Deleted, holders: tuple[str, ...]) -> Lost:
    script = deleted.revision
    cause = f"git deleted it in commit {deleted.commit} of {deleted.date[:10]} ({deleted.subject})"
    named = _named(script.id, script.message)
    return Lost(named, script.path, script.parents, cause, deleted.commit, deleted.remedy, holders)


def _named(revision: str, message: str) -> str:
    return f"{revision} ({message})" if message else revision


def applied_without_script(evidence: Evidence) -> frozenset[str]:
    """The revisions that the database has had and the host has no script of."""
    if HOST not in evidence.graphs or not isinstance(evidence.database, DatabaseState):
        return frozenset()
    host, applied = evidence.graphs[HOST].by_id, position(evidence).applied
    parents = {parent for each in applied if each in host for parent in host[each].parents}
    return frozenset((applied | parents) - host.keys())


def told_here(evidence: Evidence) -> set[str]:
    """The scripts, by name, whose deletion or edit these rules name, so that MIG702 need not."""
    git = evidence.chain.held(GIT)
    lost = {each.path for each in lost_scripts(evidence).values()}
    deleted = {name for name, file in git.scripts.items() if file.path in lost} if git else set()
    return deleted | {each.name for each in disputed(evidence) if GIT in each.others}


def bring_back(evidence: Evidence, lost: Lost) -> Iterator[Remedy]:
    """How the host and the image get the script again, or how it is given up rightly."""
    if lost.remedy:
        yield lost.remedy
    if IMAGE.value not in lost.holders:
        yield from rebuild(evidence, "the build brings it into the image")
    below = lost.parents[0] if lost.parents else "base"
    runs = [name if " " in name else f"the {name}" for name in lost.holders if name not in _NOT_RUN]
    where = f"in {listed(runs)}, where it still is" if runs else "with an image that has it again"
    yield Remedy(
        f"give it up, but first in the database: after a backup, a downgrade to {below} {where} (what it added "
        "to the schema goes, with the data in it)",
        alternative=True,
    )


def _edit(evidence: Evidence, each: Disputed) -> tuple[str, Remedy]:
    """Who edited it, and how to see what."""
    if GIT in each.others:
        cause = "it was edited in the working tree, and no commit has that"
        trees = evidence.worktrees if not isinstance(evidence.worktrees, Unknown) else ()
        holder = next((tree for tree in trees if each.name in tree.names), None)
        look = holder.command("diff", "HEAD", scripts=[each.name]) if holder else ()
        return cause, Remedy("see what was changed", look)
    edit = evidence.past.edits.get(each.name) if evidence.past and not isinstance(evidence.past, Unknown) else None
    if edit:
        cause = f"commit {edit.commit} of {edit.date[:10]} wrote the host's text ({edit.subject})"
        return cause, Remedy("see what that commit changed", edit.show)
    other = next(iter(each.others)).value
    return "it was edited after that copy was made of it", Remedy(f"compare the host's text with that in the {other}")


@dataclass(frozen=True, slots=True)
class Disputed:
    """A script that the database has had, and the places whose text of it is not the host's."""

    revision: str
    name: str
    host: MigrationFile
    others: Mapping[PlaceName, MigrationFile]


def disputed(evidence: Evidence) -> Iterator[Disputed]:
    """The applied scripts of the host that another place has with another text."""
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
