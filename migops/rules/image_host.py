"""MIG0: the migrations in the image compared with those on the host."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from migops.analysis.chain import revision_ids
from migops.analysis.evidence import Evidence
from migops.analysis.script_diff import content_difference, name_difference, renamed
from migops.core.model import MigrationFile, MigrationSet, PlaceName, Remedy, Severity, Subject
from migops.rules.remedies import layer_facts, rebuild
from migops.rules.rule import Match, Rule
from migops.sources.git_status import GitRecord, GitStatus

HOST, CONTEXT, IMAGE = PlaceName.HOST, PlaceName.CONTEXT, PlaceName.IMAGE


def ghost_revision(evidence: Evidence) -> Iterator[Match]:
    """A migration script is in the image but not on the host.

    What: Alembic reads the image's folder, so it still sees a revision that was deleted on the host (or never was
    there). This is how a second head appears out of nowhere, and how a deleted migration comes back.

    Why: the script was deleted after the image was built, and nobody rebuilt it. Or the script was never on this host:
    the checkout is behind its upstream branch, or the script was written elsewhere.

    Alembic says: "Multiple head revisions are present for given argument 'head'", where the script is a second head;
    otherwise nothing.

    Fix: it depends on git. Deleted on purpose: rebuild the image. Upstream has it: `git pull`, do not rebuild. Unknown
    to git: find out who wrote it before anything removes the only copy.

    With migops: `migops rebuild-and-migrate SERVICE` builds the image, verifies that it has exactly the host's scripts,
    and replaces the containers.
    """
    host, image = _both(evidence)
    for name in sorted(image.scripts.keys() - host.scripts.keys() - renamed(host, image).keys()):
        record = evidence.git_records.get(name, GitRecord(GitStatus.UNKNOWN, reason="git was not asked"))
        file = image.scripts[name]
        cause, remedy = _ghost_story(evidence, name, record)
        yield Match(
            Subject(revision_ids(image).get(name, ""), name),
            f"{name} is in the image but not on the host",
            cause,
            _link_of(evidence, name),
            {"image_path": file.path, "sha256": file.sha256, "git": record.kind.value, "commit": record.commit}
            | layer_facts(evidence, name),
            remedy,
        )


def missing_revision(evidence: Evidence) -> Iterator[Match]:
    """A migration script is on the host and part of the build, but the image does not have it.

    What: `alembic upgrade head` in the container stops short of the host's head. If the database already has the
    revision, Alembic fails with "Can't locate revision identified by …".

    Why: the script was written after the image was built, or this is not the image you think it is (an old tag).

    Alembic says: "Can't locate revision identified by '…'", once the database has applied the revision; before that,
    nothing.

    Fix: rebuild the image.

    With migops: `migops rebuild-and-migrate SERVICE` builds the image, verifies that it has exactly the host's scripts,
    and replaces the containers.

    Seen in: rhesis-ai/rhesis#726
    """
    host, image = _both(evidence)
    if not image.scripts:
        return  # MIG004 says it once for all of them
    context = evidence.chain.held(CONTEXT)
    dropped = host.scripts.keys() - context.scripts.keys() if context else set()  # MIG104 names those
    moved = set(renamed(host, image).values())
    for name in sorted(host.scripts.keys() - image.scripts.keys() - moved - dropped):
        file = host.scripts[name]
        if evidence.not_copied:
            cause = evidence.not_copied
        else:
            cause = f"{_image_age(evidence)} before {name} existed, or this is not the image you mean"
        yield Match(
            Subject(revision_ids(host).get(name, ""), name),
            f"{name} is on the host but not in the image",
            cause,
            _link_of(evidence, name),
            {"host_path": file.path, "sha256": file.sha256},
            _copy(evidence),
        )


def changed_revision(evidence: Evidence) -> Iterator[Match]:
    """A migration script is on the host and in the image, under the same name or revision id, but the copies differ.

    What: the image runs a different text from the one you read. A difference in line endings, byte order mark, trailing
    white space or file name alone does not change what Alembic does; it is only a warning.

    Why: the script was edited after the image was built. Or a checkout with other line-ending settings, or a file
    system that folds letter case or Unicode forms, made a copy that only looks changed.

    Fix: rebuild the image. For line endings, set them in `.gitattributes` (`*.py text eol=lf`).

    With migops: `migops rebuild-and-migrate SERVICE` builds the image, verifies that it has exactly the host's scripts,
    and replaces the containers.
    """
    host, image = _both(evidence)
    pairs = {name: name for name in host.scripts.keys() & image.scripts.keys()} | renamed(host, image)
    for image_name, host_name in sorted(pairs.items()):
        ours, theirs = host.scripts[host_name], image.scripts[image_name]
        content, naming = content_difference(ours.content, theirs.content), name_difference(host_name, image_name)
        if content == naming == "same":
            continue
        cosmetic = content != "content"
        yield Match(
            Subject(revision_ids(image).get(image_name, ""), host_name),
            _change_in_words(host_name, image_name, content),
            "only the form differs; both copies do the same in Alembic"
            if cosmetic
            else f"the host's copy was edited after {_image_age(evidence)}",
            _link_of(evidence, image_name),
            {"difference": content, "naming": naming, "host_sha256": ours.sha256, "image_sha256": theirs.sha256}
            | layer_facts(evidence, image_name),
            rebuild(evidence, "rebuild to copy the host's version into the image", [image_name]),
            Severity.WARNING if cosmetic else None,
        )


def no_migrations_in_image(evidence: Evidence) -> Iterator[Match]:
    """The host has migration scripts, but the image has none.

    What: in such an image `alembic upgrade head` prints nothing and exits with 0, and the database stays empty.

    Why: `.dockerignore` excludes the folder, no COPY includes it, or it is copied to a different path from the one
    Alembic reads.

    Alembic says: "Path doesn't exist: …" or "No 'script_location' key found in configuration", where the whole folder
    or the configuration is missing; with an empty folder, nothing.

    Fix: fix the ignore file or the Dockerfile as the finding says, then rebuild.

    With migops: `migops check-image --no-engine` shows before the build which scripts it would contain.

    Seen in: open-afc-project/openafc#308, sam-a1a/Ledger#57, miguelgrinberg/Flask-Migrate#358
    """
    host, image = _both(evidence)
    if not host.scripts or image.scripts or (image.sourceless and image.bytecode):
        return
    where = ", ".join(image.location)
    if image.bytecode and not image.sourceless:
        cause = f"only compiled files are there ({image.bytecode[0]}); Alembic loads them only with `sourceless = true`"
    elif evidence.exclusions:
        first = evidence.exclusions[0]
        cause = f"{first.at} excludes them from the build: {first.pattern}"
    else:
        elsewhere = "; ".join(str(problem.at) + ": " + problem.message for problem in evidence.problems.get(IMAGE, ()))
        cause = evidence.not_copied or f"{_image_age(evidence)} without them, or they are at a different path"
        cause += f" (in the image, {elsewhere})" if elsewhere else ""
    yield Match(
        Subject(path=where),
        f"the image has no migration scripts in {where}; the host has {len(host.scripts)}",
        cause,
        (CONTEXT, IMAGE) if evidence.chain.held(CONTEXT) else (HOST, IMAGE),
        {"host_scripts": len(host.scripts)},
        () if evidence.exclusions else _copy(evidence),
    )


def stray_bytecode(evidence: Evidence) -> Iterator[Match]:
    """The image's versions folder has compiled files without their script, and `sourceless` makes Alembic load them.

    What: a deleted migration lives on as a `.pyc` file. Without `sourceless = true` Alembic ignores such files, and so
    does this rule. A compiled file whose script is on the host is normal for a sourceless image.

    Why: `__pycache__` was copied into the image, or a sourceless image was built from a folder with old compiled files.

    Fix: add `**/__pycache__` and `**/*.pyc` to `.dockerignore`, then rebuild.

    With migops: `migops doctor --fix MIG005` shows the edit as a diff, and applies it after a yes. `migops
    rebuild-and-migrate SERVICE` builds and deploys the image once the folder is excluded.
    """
    image, host = evidence.chain.held(IMAGE), evidence.chain.held(HOST)
    if image is None or not image.sourceless:
        return
    known = {_stem(name) for name in (*image.scripts, *(host.scripts if host else ()))}
    for path in image.bytecode:
        if _stem(path) in known:
            continue  # compiled from a script that is meant to be there
        yield Match(
            Subject(path=path),
            f"{path} was compiled from a script that is neither in the image nor on the host, and Alembic loads it",
            "Alembic's configuration has sourceless = true, and the compiled file outlived its script",
            None,
            {"image_path": path},
            (
                Remedy("add the lines **/__pycache__ and **/*.pyc to .dockerignore, then rebuild"),
                *rebuild(evidence, "rebuild to drop the compiled files"),
            ),
        )


def environment_differs(evidence: Evidence) -> Iterator[Match]:
    """env.py, the script template or Alembic's configuration differs between the image and the host.

    What: Alembic in the image may use different settings, a different URL or different models from the files you look
    at.

    Why: the file was edited after the image was built; or the build does not copy it, or copies another one.

    Fix: rebuild the image, or add the COPY that the finding names.

    With migops: `migops rebuild-and-migrate SERVICE` builds the image, verifies that it has exactly the host's scripts,
    and replaces the containers.
    """
    host, image = _both(evidence)
    names = {**_by_base(image), **_by_base(host)}
    ours_by, theirs_by = _by_base(host), _by_base(image)
    for base, file in sorted(names.items(), key=lambda pair: pair[1].name):
        ours, theirs = ours_by.get(base), theirs_by.get(base)
        if ours is not None and theirs is not None and content_difference(ours.content, theirs.content) != "content":
            continue
        cause, remedy = _environment_story(evidence, base, ours, theirs)
        yield Match(
            Subject(path=file.name),
            f"{file.name} {_where(ours, theirs)}",
            cause,
            (HOST, IMAGE),
            {"host_sha256": ours.sha256 if ours else None, "image_sha256": theirs.sha256 if theirs else None},
            remedy,
            Severity.INFO if base == TEMPLATE and ours is not None and _is_small(cause, remedy) else None,
        )


_NOT_COPIED = "no COPY or ADD of the build brings it"
TEMPLATE = "script.py.mako"
"""Only `alembic revision` reads it."""


def _is_small(cause: str, remedy: Sequence[Remedy]) -> bool:
    """True if a build as it is would not bring the file."""
    return not remedy[-1].command or cause.startswith(_NOT_COPIED)


def _by_base(held: MigrationSet) -> dict[str, MigrationFile]:
    """The files around the scripts by their own name: the folder of Alembic's configuration may have another name."""
    return {posixpath.basename(name): file for name, file in held.environment.items()}


def _environment_story(
    evidence: Evidence, base: str, ours: MigrationFile | None, theirs: MigrationFile | None
) -> tuple[str, tuple[Remedy, ...]]:
    """Cause and fix of a file that differs: a build helps only if it brings the host's file."""
    context = evidence.chain.held(CONTEXT)
    brought = _by_base(context).get(base) if context is not None else None
    if brought is None and (context is not None or evidence.not_copied):
        copies = _NOT_COPIED
        if theirs is not None:
            copies += ": the image has it from an earlier build, from its base image or from a RUN"
        if ours is None:
            return copies, rebuild(evidence, "if it was deleted on purpose: rebuild, and see whether it goes away")
        fix = "if the image should have the host's file:"
        if evidence.not_copied and evidence.copies and base in evidence.copies.files:
            return copies, _copy(evidence)  # MIG004 has the same lines: they are one edit
        line = evidence.copies.files.get(base, "") if evidence.copies else ""
        if line and evidence.copies:
            return copies, (
                Remedy(f"{fix} {evidence.copies.edit(line)}", at=evidence.copies.location),
                *rebuild(evidence, "rebuild with it"),
            )
        return copies, (
            Remedy(
                f"{fix} add a COPY for it to the Dockerfile (and see that no ignore file excludes it), then rebuild"
            ),
        )
    if brought is not None and theirs is not None and brought.sha256 == theirs.sha256:
        return (
            f"the build brings another file to {theirs.path} than the one on the host, and would do so again",
            (Remedy("if the image should have the host's file: copy that one in the Dockerfile, then rebuild"),),
        )
    return (
        f"{_image_age(evidence)} before the file was changed on the host",
        rebuild(evidence, "rebuild to copy the host's file into the image"),
    )


RULES = (
    Rule("MIG001", "ghost-revision", Severity.ERROR, (HOST, IMAGE), ghost_revision),
    Rule("MIG002", "missing-revision", Severity.ERROR, (HOST, IMAGE), missing_revision),
    Rule("MIG003", "changed-revision", Severity.ERROR, (HOST, IMAGE), changed_revision),
    Rule("MIG004", "no-migrations-in-image", Severity.ERROR, (HOST, IMAGE), no_migrations_in_image),
    Rule("MIG005", "stray-bytecode", Severity.ERROR, (IMAGE,), stray_bytecode),
    Rule("MIG006", "environment-differs", Severity.WARNING, (HOST, IMAGE), environment_differs),
)


def _both(evidence: Evidence) -> tuple[MigrationSet, MigrationSet]:
    host, image = evidence.chain.held(HOST), evidence.chain.held(IMAGE)
    if host is None or image is None:
        raise LookupError("a rule of MIG0 was judged without host and image; its Rule must name them in `needs`")
    return host, image


def _copy(evidence: Evidence) -> tuple[Remedy, ...]:
    """Steps that get the host's scripts into the image: a build, and before it the COPY that is missing."""
    steps = rebuild(evidence, "rebuild to copy the host's scripts into the image")
    if not evidence.not_copied:
        return steps
    lacking = evidence.copies
    if lacking is None or not lacking.scripts:
        return (Remedy("add a COPY for them to the Dockerfile"), *steps)
    return (Remedy(lacking.edit(*lacking.files.values(), lacking.scripts), at=lacking.location), *steps)


def _ghost_story(evidence: Evidence, name: str, record: GitRecord) -> tuple[str, tuple[Remedy, ...]]:
    """Cause and fix of a script that only the image has, depending on its status in git."""
    built = _image_age(evidence)
    own = (record.remedy,) if record.remedy else ()
    commit = f"{record.commit} of {record.date[:10]} ({record.subject})"
    if record.kind is GitStatus.DELETED:
        return (
            f"deleted in git by commit {commit}; {built} with the old copy",
            rebuild(evidence, "rebuild to drop the deleted script", [name]),
        )
    if record.kind is GitStatus.REMOVED_HERE:
        return (
            f"missing in the host's working tree, but git's HEAD has it (commit {commit}); {built} with it",
            (
                *rebuild(evidence, "if you deleted it on purpose: rebuild, which leaves it out", [name]),
                *(replace(step, why=f"if not: {step.why}", alternative=True) for step in own),
            ),
        )
    if record.kind is GitStatus.UPSTREAM:
        return (
            f"the host is behind {record.branch}, which has it in commit {commit}. The image is newer than the host",
            tuple(replace(step, why=f"do not rebuild, that would remove the revision: {step.why}") for step in own),
        )
    if record.kind is GitStatus.NO_GIT:
        return (
            f"{record.reason}, so migops assumes the host is right; {built} with a script that the host does not have",
            rebuild(evidence, "if the host is right: rebuild, which leaves the script out", [name]),
        )
    return (
        f"{record.reason}; migops cannot tell whether it was deleted or has not reached the host yet",
        (*own, Remedy("find out who built this image, and from which sources, before a rebuild removes the only copy")),
    )


def _stem(path: str) -> str:
    """``010_add`` of ``versions/010_add.py`` and of ``versions/__pycache__/010_add.cpython-311.pyc``."""
    return path.rsplit("/", 1)[-1].split(".", 1)[0]


def _image_age(evidence: Evidence) -> str:
    created = evidence.image.created if evidence.image else None
    return f"the image was built on {created:%Y-%m-%d %H:%M} UTC" if created else "the image was built"


def _link_of(evidence: Evidence, name: str) -> tuple[PlaceName, PlaceName] | None:
    link = evidence.chain.first_break(name)
    return (link.source, link.target) if link else None


def _change_in_words(host_name: str, image_name: str, content: str) -> str:
    in_words = {
        "same": "has the same text",
        "bom": "differs only in the byte order mark",
        "line-ends": "differs only in line endings (CRLF and LF)",
        "whitespace": "differs only in white space at line ends",
        "content": "differs between image and host",
    }[content]
    if host_name == image_name:
        return f"{host_name} {in_words}"
    return f"{host_name} is called {image_name} in the image and {in_words}"


def _where(ours: MigrationFile | None, theirs: MigrationFile | None) -> str:
    if ours is None:
        return "is in the image but not on the host"
    return "is on the host but not in the image" if theirs is None else "differs between image and host"
