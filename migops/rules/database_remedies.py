"""The smallest fixes between image and database. None loses data; fixes that could are explained, never offered."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from migops.analysis.database_position import DatabasePosition
from migops.analysis.evidence import Evidence, SchemaCheck
from migops.core.model import PlaceName, Remedy, Unknown
from migops.core.text import listed
from migops.rules.git_database import lost_scripts
from migops.rules.remedies import rebuild
from migops.sources.database_state import DatabaseState

HOST = PlaceName.HOST
BY_HAND = (
    "last resort, by hand, after a backup, and only if you are certain which revision the tables really match: "
    "Alembic's stamp --purge with that revision replaces the rows and touches no other table. A wrong revision makes "
    "later upgrades skip changes or apply them twice"
)


def run_alembic(evidence: Evidence, why: str, *words: str) -> Remedy:
    """A step that runs Alembic through `migops alembic`, so that its guards always apply."""
    commands, call = evidence.commands, " ".join(_own(evidence, words) or (*evidence.alembic, *words))
    if isinstance(evidence.database, DatabaseState) and evidence.database.origin == "--database-url":
        return Remedy(f"{why}: run `{call}` where it can reach the --database-url database")
    if not commands.compose:
        return Remedy(
            f"{why}: run `{call}` in a container of {commands.image or 'the image'} that has the database URL"
        )
    return Remedy(why, alembic(evidence, *words))


def alembic(evidence: Evidence, *words: str) -> tuple[str, ...]:
    """``migops alembic`` as it can be typed here, with the options by which Alembic finds its configuration.

    A project that calls Alembic by a program of its own (``python manage.py db``) gets these words in a container.
    """
    own = _own(evidence, words)
    if own and evidence.commands.compose:
        run = ("run", "--rm", "--entrypoint", own[0], evidence.commands.service)
        return (*evidence.commands.compose, *run, *own[1:])
    program, *options = evidence.alembic
    return evidence.commands.alembic(*(options if posixpath.basename(program) == "alembic" else ()), *words)


def _own(evidence: Evidence, words: Sequence[str]) -> tuple[str, ...]:
    from migops.rules.own_words import by_own_words  # a clean check prints no command

    return by_own_words(evidence, words)


def find_and_stamp(evidence: Evidence) -> tuple[Remedy, ...]:
    has_any = any(graph.revisions for graph in evidence.graphs.values())
    if can_adopt(evidence):
        why = "find the revision that matches the schema, on a disposable server; check the proof, then stamp it"
        if has_any:
            return (Remedy(why, evidence.commands.adopt()),)
        why = "there is no migration yet: write the first one from the models, prove it, then stamp it"
        return (Remedy(why, evidence.commands.adopt("--baseline")),)
    if not has_any:
        return (Remedy("there is no migration yet: write the first one from the models, against an empty database"),)
    sql = "print the migrations' SQL without running it, and find the last one whose changes the tables have"
    return (
        run_alembic(evidence, sql, "upgrade", "head", "--sql"),
        Remedy("record exactly that revision as applied, with Alembic's stamp. Anything it skips never runs"),
    )


def can_adopt(evidence: Evidence) -> bool:
    """True if `migops adopt` can work: it starts a server like the database's, so that must be a PostgreSQL service."""
    return _is_ours(evidence) and _server(evidence) != ""


def can_back_up(evidence: Evidence) -> bool:
    """True if `migops backup` can work: the database is PostgreSQL, in a service or with a backup-image."""
    asked = evidence.question
    return _is_ours(evidence) and bool((asked and asked.settings.get("backup-image")) or _server(evidence) != "")


def backup(evidence: Evidence, why: str, server: str = "") -> Remedy:
    """A backup first: by migops if it can take one (of ``server``, if given), else described in words."""
    if can_back_up(evidence) and server in ("", _server(evidence)):
        return Remedy(why, evidence.commands.migops("backup"))
    return Remedy(f"{why}, with the database's own tools{f' ({server})' if server else ''}")


def _is_ours(evidence: Evidence) -> bool:
    """True for the PostgreSQL database of a service of a compose project."""
    return bool(evidence.commands.compose) and _url(evidence).startswith("postgres")


def _url(evidence: Evidence) -> str:
    """The URL of the database as far as it is known; never to be printed."""
    if isinstance(evidence.database, DatabaseState) and evidence.database.url:
        return evidence.database.url
    if evidence.setup and evidence.setup.url:
        return evidence.setup.url.text
    from migops.sources.database import find_url  # a clean check never needs it

    sought = find_url(evidence.question) if evidence.question else None
    return sought.text if sought is not None and not isinstance(sought, Unknown) else ""


def _server(evidence: Evidence) -> str | None:
    """The service that the URL points to, '' if it points elsewhere; None if no project is known."""
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
    """Steps to write a merge revision: get all heads into the image, then run `alembic merge` there."""
    image = evidence.graphs.get(PlaceName.IMAGE)
    has_all = image is not None and all(head in image.by_id for head in heads)
    first = () if has_all else rebuild(evidence, "build an image with all of the heads")
    if not evidence.commands.compose:
        return (Remedy(f"write a merge revision, where Alembic runs with these scripts: {listed(list(heads))}"),)
    why = "write a merge revision (migops saves it on the host)"
    return (*first, Remedy(why, alembic(evidence, "merge", "-m", "merge heads", *heads)))


def upgrade(evidence: Evidence, position: DatabasePosition) -> tuple[Remedy, ...]:
    steps: list[Remedy] = []
    if len(position.graph.effective_heads) > 1 and not evidence.many_heads_are_meant:
        steps.append(Remedy("`upgrade head` refuses with several heads: fix MIG301 first", after=("MIG301",)))
    failing = evidence.schema.failing if isinstance(evidence.schema, SchemaCheck) else ()
    if pending := sorted({each.revision for each in failing} & set(position.pending or ())):
        steps.append(Remedy(f"{listed(pending)} will fail: fix MIG410 first", after=("MIG410",)))
    head = "heads" if evidence.many_heads_are_meant else "head"
    return (*steps, run_alembic(evidence, "apply the pending migrations with the current image", "upgrade", head))


def bring_along(evidence: Evidence, position: DatabasePosition, row: str) -> tuple[Remedy, ...]:
    """Steps to get a script that the database has already applied into the image."""
    names = position.holders.get(row, ())
    if HOST.value in names and position.place is not HOST:
        return rebuild(evidence, f"rebuild to get {row} from the host into the image", scripts_of(evidence, row))
    if PlaceName.GIT.value in names:
        lost = lost_scripts(evidence).get(row)
        path = next((each.path for each in evidence.graphs[PlaceName.GIT].revisions if each.id == row), "")
        back = lost.remedy.command if lost and lost.remedy else ("git", "restore", "--", path)
        return (
            Remedy(f"git's HEAD has {row}, but the working tree does not: restore it", back),
            *rebuild(evidence, "rebuild to get it into the image"),
        )
    if position.place is not HOST and PlaceName.CONTAINER.value in names and evidence.commands.compose:
        return (
            Remedy(f"only a container has {row}: copy it to the host before it is lost", evidence.commands.rescue()),
            *rebuild(evidence, "rebuild to get it into the image"),
        )
    return (Remedy(f"{listed(names)} has it: use the image with {row}, or copy its script to the host and rebuild"),)


def scripts_of(evidence: Evidence, row: str) -> tuple[str, ...]:
    host = evidence.chain.held(HOST)
    paths = {each.path for each in host.revisions if each.id == row} if host else set()
    return tuple(name for name, file in host.scripts.items() if file.path in paths) if host else ()


def join(evidence: Evidence, position: DatabasePosition, row: str) -> tuple[Remedy, ...]:
    host = evidence.graphs.get(HOST)
    apply = run_alembic(evidence, "apply the other branch and the merge revision", "upgrade", "head")
    if host is None or row not in host.by_id:
        return (
            *bring_along(evidence, position, row),
            Remedy("join the two branches with a merge revision, rebuild, and upgrade"),
        )
    build = rebuild(evidence, "build an image with both branches", scripts_of(evidence, row))
    if len(host.heads) == 1:
        return (*build, apply)
    return (*merge(evidence, host.heads), *build, apply)


def search(evidence: Evidence, row: str) -> Iterator[Remedy]:
    host = evidence.chain.held(HOST)
    for worktree in evidence.worktrees if isinstance(evidence.worktrees, tuple) else ():
        if worktree.coming and worktree.catch_up:
            why = f"it may be in {worktree.upstream}: {worktree.catch_up.why}"
            yield replace(worktree.catch_up, why=why)
    if host is not None and PlaceName.GIT in evidence.graphs:
        command = ("git", "log", "--all", "--oneline", f"-S{row}", "--", *host.location)
        yield Remedy("find the commits of any branch that ever had the script; then restore it and rebuild", command)
    else:
        yield Remedy("find the script: ask who migrated this database, from which branch or image")
    yield Remedy(BY_HAND, alternative=True)


def keep_rows(kept: Sequence[str], newer: str) -> Remedy:
    """How to remove rows that another row includes. Explained, never offered as a command."""
    return Remedy(
        f"by hand, after a backup, and only if the tables really match {newer}: Alembic's stamp --purge "
        f"{' '.join(kept)} rewrites the rows and touches no other table"
    )
