"""MIG7: migrations on the host compared with git."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from migops.analysis.chain import revision_ids
from migops.analysis.evidence import Evidence
from migops.analysis.script_diff import content_difference, renamed
from migops.core.model import Location, MigrationSet, PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import counted, some
from migops.rules.git_database import named_here
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.sources.worktree import Worktree

GIT, HOST = PlaceName.GIT, PlaceName.HOST
LINK = (GIT, HOST)


def untracked(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A migration script on the host was never added to git.

    What: it works here. A clone, CI and every other machine build an image without it, and if the database has already
    applied it, Alembic then fails with "Can't locate revision identified by …".

    Why: `alembic revision` writes the file, but `git commit -a` does not include new files.

    Alembic says: "Can't locate revision identified by '…'", on the other machine.

    Fix: `git add` it, and commit it together with the code that needs it.
    """
    yield from _blind(evidence)
    for worktree in _worktrees(evidence):
        new = set(_new(evidence)) & worktree.names.keys()
        names = sorted(new - worktree.staged - worktree.ignored.keys())
        if names:
            yield _hit(
                evidence, worktree, names, "not in git",
                "nobody ran `git add`, so no other machine has it, and no image built elsewhere",
                (
                    Remedy("add what you want to keep", worktree.command("add", scripts=names)),
                    Remedy("commit it together with the code that needs it"),
                ),
            )  # fmt: skip


def uncommitted(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A migration script differs from the last commit: added, edited, renamed or deleted, but not committed.

    What: an image built here contains something that no commit has. The next checkout, or the next build elsewhere,
    gets something else. Differences in line endings or white space do not count.

    Why: the work is in progress; or somebody deleted or edited the script on the server and never committed that.

    Fix: commit it, or restore the version from HEAD.
    """
    yield from _blind(evidence)
    git, host = _sides(evidence)
    moved, named = _moved(evidence), named_here(evidence)
    for worktree in _worktrees(evidence):
        kinds = {
            "added": set(_new(evidence)) & worktree.staged,
            "edited": set(_edited(evidence)),
            "renamed": set(moved.values()),
            "deleted": git.scripts.keys() - host.scripts.keys() - moved.keys() - worktree.sparse,
        }
        for kind, scripts in kinds.items():
            names = sorted((scripts & worktree.names.keys()) - named)
            if names:
                yield _hit(
                    evidence, worktree, names, f"{kind}, but not committed",
                    "an image built here contains what no commit has",
                    tuple(_commit_or_not(worktree, kind, names, moved)),
                    kind=kind,
                )  # fmt: skip


def ignored(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """An ignore file hides a migration script from git.

    What: the script works here, `git status` is clean, and no other machine ever gets it.

    Why: a pattern meant for something else matches the folder (`*.py`, `versions/`, `migrations/`), in .gitignore,
    .git/info/exclude or the user's global excludes file.

    Fix: delete the line, or re-include the folder with a line that begins with `!`; then add the scripts.

    Seen in: gothinkster/flask-realworld-example-app#10
    """
    yield from _blind(evidence)
    for worktree in _worktrees(evidence):
        by_line: dict[tuple[Location, str], list[str]] = {}
        for name in sorted(set(_new(evidence)) & worktree.ignored.keys()):
            line = worktree.ignored[name]
            by_line.setdefault((line.at, line.pattern), []).append(name)
        for (at, pattern), names in by_line.items():
            yield _hit(
                evidence, worktree, names, "hidden from git",
                f"{at} ignores it: {pattern}",
                (
                    Remedy(f"delete line {at.line} of {at.file}, or re-include the folder after it; otherwise the next "
                           "script is hidden too", at=at),
                    Remedy("add the hidden scripts", worktree.command("add", "-f", scripts=names)),
                    Remedy("commit it"),
                ),
                ignore_file=at.file, line=at.line, pattern=pattern,
            )  # fmt: skip


def behind_upstream(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """The upstream branch has migration scripts, or newer versions of them, that this checkout lacks.

    What: an image built here lacks them, and a new revision written here becomes a second head. Only the result of the
    last `git fetch` counts: migops does not fetch.

    Why: nobody pulled.

    Fix: `git pull`, before you build or write anything.

    Seen in: apache/superset#6728
    """
    yield from _blind(evidence)
    for worktree in _worktrees(evidence):
        coming = worktree.coming
        if isinstance(coming, Unknown):
            yield Undetermined(coming.reason)
        elif coming:
            names = [PurePosixPath(path).name for path in coming]
            number = counted(len(names), "migration script")
            yield Match(
                Subject(path=coming[0] if len(coming) == 1 else ""),
                f"{worktree.upstream} has {number} that HEAD lacks or has an older version of: {some(names)}",
                "the checkout is behind its upstream branch, as of the last fetch",
                LINK,
                {"upstream": worktree.upstream, "scripts": list(coming), "repository": worktree.top},
                (worktree.catch_up,) if worktree.catch_up else (),
            )


RULES = (
    Rule("MIG701", "untracked", Severity.WARNING, (GIT, HOST), untracked),
    Rule("MIG702", "uncommitted", Severity.WARNING, (GIT, HOST), uncommitted),
    Rule("MIG703", "ignored", Severity.WARNING, (GIT, HOST), ignored),
    Rule("MIG706", "behind-upstream", Severity.WARNING, (GIT, HOST), behind_upstream),
)


def _worktrees(evidence: Evidence) -> tuple[Worktree, ...]:
    return evidence.worktrees if isinstance(evidence.worktrees, tuple) else ()


def _blind(evidence: Evidence) -> Iterator[Undetermined]:
    if isinstance(evidence.worktrees, Unknown):
        yield Undetermined(evidence.worktrees.reason)


def _sides(evidence: Evidence) -> tuple[MigrationSet, MigrationSet]:
    git, host = evidence.chain.held(GIT), evidence.chain.held(HOST)
    if git is None or host is None:
        raise LookupError("a rule of MIG7 ran without git or host; its Rule must name both in `needs`")
    return git, host


def _moved(evidence: Evidence) -> dict[str, str]:
    """Scripts whose revision has another name on the host: HEAD's name → the host's."""
    git, host = _sides(evidence)
    return renamed(host, git)


def _new(evidence: Evidence) -> Iterator[str]:
    """The scripts on the host whose revision HEAD does not have under any name."""
    git, host = _sides(evidence)
    yield from host.scripts.keys() - git.scripts.keys() - set(_moved(evidence).values())


def _edited(evidence: Evidence) -> Iterator[str]:
    """The scripts whose content changed; line endings and white space do not count, as a checkout may change them."""
    git, host = _sides(evidence)
    for name in git.scripts.keys() & host.scripts.keys():
        if content_difference(git.scripts[name].content, host.scripts[name].content) == "content":
            yield name


def _commit_or_not(worktree: Worktree, kind: str, names: Sequence[str], moved: dict[str, str]) -> Iterator[Remedy]:
    both = [*names, *(old for old, new in moved.items() if kind == "renamed" and new in names)]
    if kind == "renamed":
        yield Remedy("stage both names, so that git sees the rename", worktree.command("add", "-A", scripts=both))
    yield Remedy("commit it, if it is intended", worktree.command("commit", scripts=both))
    if kind == "deleted":
        back = worktree.command("restore", "--source=HEAD", "--staged", "--worktree", scripts=names)
        yield Remedy("otherwise restore it", back, alternative=True)


def _hit(
    evidence: Evidence, worktree: Worktree, names: Sequence[str], what: str, cause: str,
    remedy: tuple[Remedy, ...], **facts: object,
) -> Match:  # fmt: skip
    git, host = _sides(evidence)
    ids = {**revision_ids(git), **revision_ids(host)}
    subject = Subject(ids.get(names[0], ""), names[0]) if len(names) == 1 else Subject()
    return Match(
        subject, f"{names[0]} is {what}" if len(names) == 1 else f"{len(names)} scripts are {what}: {some(names)}",
        cause, LINK,
        {"scripts": list(names), "revisions": [ids[name] for name in names if name in ids],
         "repository": worktree.top, **facts},
        remedy,
    )  # fmt: skip
