"""The smallest fixes between image and database. None loses data; what could is explained and never offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from migops.analysis.database_position import DatabasePosition
from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Unknown
from migops.core.text import listed
from migops.rules.git_database import lost_scripts
from migops.rules.remedies import rebuild
from migops.sources.database_state import DatabaseState

HOST = PlaceName.HOST
BY_HAND = (
    "last resort, by hand, after a backup, and only if you are certain which revision the tables really have: "
    "Alembic's stamp --purge with it replaces the rows and touches no table. A wrong one makes later upgrades "
    "skip changes or do them twice"
)


def run_alembic(evidence: Evidence, why: str, *words: str) -> Remedy:
    """A step that runs Alembic past the guards of ``migops alembic``: never around them."""
    commands, said = evidence.commands, " ".join((*evidence.alembic, *words))
    if isinstance(evidence.database, DatabaseState) and evidence.database.origin == "--database-url":
        return Remedy(f"{why}: run `{said}` where it reaches the database that --database-url named")
    if not commands.compose:
        return Remedy(f"{why}: run `{said}` in a container of {commands.image or 'the image'} that has the URL")
    return Remedy(why, alembic(evidence, *words))


def alembic(evidence: Evidence, *words: str) -> tuple[str, ...]:
    """``migops alembic`` as it can be typed here, with the options by which Alembic finds its configuration."""
    program, *options = evidence.alembic
    return evidence.commands.alembic(*(options if program == "alembic" else ()), *words)


def find_and_stamp(evidence: Evidence) -> tuple[Remedy, ...]:
    has_any = any(graph.revisions for graph in evidence.graphs.values())
    if can_adopt(evidence):
        why = "find the revision whose schema this is, on a throwaway server; see the proof, and have it noted"
        if has_any:
            return (Remedy(why, evidence.commands.adopt()),)
        why = "there is no migration yet: have the first one written from the models, proved, and noted"
        return (Remedy(why, evidence.commands.adopt("--baseline")),)
    if not has_any:
        return (Remedy("there is no migration yet: write the first one, from the models, against an empty database"),)
    sql = "see what the migrations do, without doing it, and find the last one whose changes the tables have"
    return (
        run_alembic(evidence, sql, "upgrade", "head", "--sql"),
        Remedy("then record that one, and only that one, as applied (by Alembic's stamp). What it skips never runs"),
    )


def can_adopt(evidence: Evidence) -> bool:
    """Whether `migops adopt` can be asked: it makes a server like the database's, which is a service of PostgreSQL."""
    return _is_ours(evidence) and _server(evidence) != ""


def can_back_up(evidence: Evidence) -> bool:
    """Whether `migops backup` can be asked: the database is PostgreSQL's, on a service or with a backup-image."""
    asked = evidence.question
    return _is_ours(evidence) and bool((asked and asked.settings.get("backup-image")) or _server(evidence) != "")


def backup(evidence: Evidence, why: str, server: str = "") -> Remedy:
    """A backup first: by migops where it can take one (of ``server``, if that is named), else in words."""
    if can_back_up(evidence) and server in ("", _server(evidence)):
        return Remedy(why, evidence.commands.migops("backup"))
    return Remedy(f"{why}: with the tools of {server or 'the database'} itself")


def _is_ours(evidence: Evidence) -> bool:
    """Whether it is the PostgreSQL database of a service of a compose project."""
    return bool(evidence.commands.compose) and _url(evidence).startswith("postgres")


def _url(evidence: Evidence) -> str:
    """The URL of the database that is meant, as far as it is known; never to be shown."""
    if isinstance(evidence.database, DatabaseState) and evidence.database.url:
        return evidence.database.url
    if evidence.setup and evidence.setup.url:
        return evidence.setup.url.text
    from migops.sources.database import find_url  # a clean check never needs it

    found = find_url(evidence.question) if evidence.question else None
    return found.text if found is not None and not isinstance(found, Unknown) else ""


def _server(evidence: Evidence) -> str | None:
    """The service that the URL leads to, '' where it leads elsewhere; None where nothing tells of the project."""
    asked, setup = evidence.question, evidence.setup
    project = asked.project if asked else setup.project if setup else None
    if project is None:
        return None
    from migops.sources.database_address import service_of  # only where a database was asked

    try:
        return service_of(urlsplit(_url(evidence)).hostname or "", project)
    except ValueError:  # no URL that could be split
        return ""


def merge(evidence: Evidence, heads: Sequence[str]) -> tuple[Remedy, ...]:
    """How a revision that joins the heads is written: in the image, which has to have them all, and from it here."""
    image = evidence.graphs.get(PlaceName.IMAGE)
    has_all = image is not None and all(head in image.by_id for head in heads)
    first = () if has_all else rebuild(evidence, "an image that has all of the heads")
    if not evidence.commands.compose:
        said = f"write a revision that joins them, where Alembic runs on these scripts: {listed(list(heads))}"
        return (Remedy(said),)
    why = "write a revision that joins them (it comes to the host)"
    return (*first, Remedy(why, alembic(evidence, "merge", "-m", "merge heads", *heads)))


def upgrade(evidence: Evidence, found: DatabasePosition) -> tuple[Remedy, ...]:
    steps: list[Remedy] = []
    if len(found.graph.effective_heads) > 1 and not evidence.many_heads_are_meant:
        steps.append(Remedy("`upgrade head` stops at several heads: settle those first, as MIG301 says"))
    head = "heads" if evidence.many_heads_are_meant else "head"
    return (*steps, run_alembic(evidence, "apply what is pending, with the image as it is", "upgrade", head))


def bring_along(evidence: Evidence, found: DatabasePosition, row: str) -> tuple[Remedy, ...]:
    """How the image gets a script that the database has had already."""
    names = found.holders.get(row, ())
    if HOST.value in names and found.place is not HOST:
        return rebuild(evidence, f"the build brings {row}, which the host has", scripts_of(evidence, row))
    if PlaceName.GIT.value in names:
        lost = lost_scripts(evidence).get(row)
        path = next((each.path for each in evidence.graphs[PlaceName.GIT].revisions if each.id == row), "")
        back = lost.remedy.command if lost and lost.remedy else ("git", "restore", "--", path)
        return (
            Remedy(f"git's HEAD has {row}, the working tree does not: bring it back", back),
            *rebuild(evidence, "the build brings it into the image"),
        )
    if found.place is not HOST and PlaceName.CONTAINER.value in names and evidence.commands.compose:
        return (
            Remedy(f"only a container has {row}: copy it out before it is lost", evidence.commands.rescue()),
            *rebuild(evidence, "the build brings it into the image"),
        )
    return (Remedy(f"{listed(names)} has it: use the image that has {row}, or bring its script to the host and build"),)


def scripts_of(evidence: Evidence, row: str) -> tuple[str, ...]:
    host = evidence.chain.held(HOST)
    paths = {each.path for each in host.revisions if each.id == row} if host else set()
    return tuple(name for name, file in host.scripts.items() if file.path in paths) if host else ()


def join(evidence: Evidence, found: DatabasePosition, row: str) -> tuple[Remedy, ...]:
    host = evidence.graphs.get(HOST)
    apply = run_alembic(evidence, "apply the other branch and what joins them", "upgrade", "head")
    if host is None or row not in host.by_id:
        return (
            *bring_along(evidence, found, row),
            Remedy("then join the two branches by a merge revision; build, and upgrade"),
        )
    build = rebuild(evidence, "an image with both branches", scripts_of(evidence, row))
    if len(host.heads) == 1:
        return (*build, apply)
    return (*merge(evidence, host.heads), *build, apply)


def search(evidence: Evidence, row: str) -> Iterator[Remedy]:
    host = evidence.chain.held(HOST)
    for worktree in evidence.worktrees if isinstance(evidence.worktrees, tuple) else ():
        if worktree.coming and worktree.catch_up:
            why = f"it may be among what {worktree.upstream} has: {worktree.catch_up.why}"
            yield replace(worktree.catch_up, why=why)
    if host is not None and PlaceName.GIT in evidence.graphs:
        command = ("git", "log", "--all", "--oneline", f"-S{row}", "--", *host.location)
        yield Remedy("find the commits, of any branch, that ever had the script; then bring it back and build", command)
    else:
        yield Remedy("find the script: ask who migrated this database, and from which branch or image")
    yield Remedy(BY_HAND, alternative=True)


def keep_rows(kept: Sequence[str], newer: str) -> Remedy:
    """How the rows that another one includes go away. It is explained, never offered as a command."""
    return Remedy(
        f"by hand, after a backup, and only if the tables really are as {newer} leaves them: "
        f"Alembic's stamp --purge {' '.join(kept)} writes the rows anew and touches no other table"
    )
