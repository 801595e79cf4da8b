"""MIG1: faults of the build, between the host and the image."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from migops.analysis.chain import compare, revision_ids
from migops.analysis.evidence import Evidence, Exclusion
from migops.analysis.script_diff import in_substance
from migops.core.model import LinkStatus, PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import counted, first_few
from migops.images.image import Layer
from migops.rules.remedies import layer_facts, rebuild, unnoticed
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.sources.code import Code

_GIVE = "if the application reads this file itself, first pass its values to the container: env_file: [{}]"
FILES_NAMED = 5  # in the message; the facts name all

HOST, CONTEXT, IMAGE = PlaceName.HOST, PlaceName.CONTEXT, PlaceName.IMAGE


def stale_layer(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A layer made by a COPY contains files that the host has deleted or edited since.

    What: the layer is older than the files it was copied from, and Alembic reads the layer. Migrations are always
    compared; with --all-files, so is everything else that the build copies (such as the models that autogenerate
    reads).

    Why: the image was not rebuilt after the edit.

    Fix: a plain rebuild. The cache key of a COPY is the files themselves, so rebuilding recreates the layer.

    With migops: `migops rebuild-and-migrate SERVICE` builds the image, verifies that it has exactly the host's scripts,
    and replaces the containers.

    Seen in: rhesis-ai/rhesis#726
    """
    yield from _blind(evidence)
    for layer, names in _by_layer(evidence, lambda layer: layer.base is not True and _copies(layer)).items():
        yield _layer_hit(evidence, layer, names, "was made by a COPY before the files changed on the host")
    if isinstance(evidence.code, Unknown):
        yield Undetermined(f"all files: {evidence.code.reason}")
    elif evidence.code:
        yield from _stale_code(evidence, evidence.code)


def uncacheable_source(evidence: Evidence) -> Iterator[Match]:
    """The scripts come from an instruction whose result stays in the build cache even when its source changes.

    What: `RUN git clone`, `RUN curl`, an installed package: the cache key is the text of the instruction, so a plain
    build gets the old scripts again.

    Why: the source changed and the instruction did not.

    Fix: build with `--no-cache`. Permanently: COPY the scripts from the build context.

    With migops: `migops rebuild-and-migrate SERVICE` builds with `--no-cache` (unless you give `--cache`) and verifies
    the result.

    Seen in: UMAprotocol/protocol#550
    """
    host, image = evidence.chain.held(HOST), evidence.chain.held(IMAGE)
    if host is None or image is None:
        return
    hits = _by_layer(evidence, lambda layer: layer.base is not True and not _copies(layer))
    for layer, names in hits.items():
        yield _layer_hit(evidence, layer, names, "stays in the build cache even when its source changes", True)
    differs = compare(HOST, host, IMAGE, image).status is LinkStatus.DIFFERS
    if evidence.uncached and differs and not hits and not evidence.layers:
        yield Match(
            Subject(path=", ".join(image.location)),
            f"the scripts in the image come from {evidence.uncached}",
            "the cache key is the text of the instruction, not what it fetches: a plain build gets the old result",
            (CONTEXT, IMAGE),
            {"instruction": evidence.uncached},
            _uncached_remedy(evidence),
        )


def inherited_from_base(evidence: Evidence) -> Iterator[Match]:
    """A script that differs from the host is in a layer of the base image.

    What: rebuilding this image brings it back, with or without the cache.

    Why: the base image was built from older sources, or contains the whole application.

    Fix: rebuild the base image, or get its newer version with `--pull`; then build this one.

    With migops: `migops rebuild-and-migrate --pull SERVICE` also fetches newer base images.
    """
    for layer, names in _by_layer(evidence, lambda layer: layer.base is True).items():
        whose = f"belongs to the base image {evidence.base}".rstrip()
        yield _layer_hit(evidence, layer, names, f"{whose}; building this Dockerfile does not change it")


def same_size_same_date(evidence: Evidence) -> Iterator[Match]:
    """Host and image have different texts of a script, with the same size and the same modification time.

    What: the builder compares files by size and date before it reads them, so a plain build keeps the old text.

    Why: the edit kept the length, and the timestamp was preserved or reset: by a checkout, `cp -p`, `rsync -a` or an
    archive.

    Fix: clear the builder's copy of the sources (`docker builder prune --filter type=source.local`), then build.

    With migops: `migops rebuild-and-migrate` compares contents, so it stops before it uses an image with the old text.

    Seen in: moby/buildkit#4817, earthly/earthly#2317
    """
    host = evidence.chain.held(HOST)
    for name in sorted(host.scripts) if host else ():
        if unnoticed(evidence, name):
            yield Match(
                Subject(revision_ids(host).get(name, "") if host else "", name),
                f"{name} differs from the copy in the image, but has the same size and date",
                "the builder compares files by size and date, so a plain build keeps the old text",
                (CONTEXT, IMAGE),
                layer_facts(evidence, name),
                rebuild(evidence, "rebuild, so that the edit is sent", [name]),
            )


def excluded_from_context(evidence: Evidence) -> Iterator[Match]:
    """A migration script on the host never reaches the build: an ignore file excludes it, or no COPY includes it.

    What: the script is on the host and in git, but no build can get it into the image.

    Why: a line of `.dockerignore` (or of the Dockerfile's own ignore file) matches it, often one meant for something
    else; or the Dockerfile copies only other folders.

    Alembic says: "Can't locate revision identified by '…'", once another machine has applied the revision; "Path
    doesn't exist: …", where the whole folder is excluded.

    Fix: delete that line, or re-include the folder with a line that starts with `!` after it; or add the COPY. Then
    rebuild.

    With migops: `migops doctor --fix MIG104` shows the edit as a diff, and applies it after a yes. `migops check-image
    --no-engine` shows before the build which scripts it would contain.

    Seen in: open-plan-tool/gui#147, ThalesGroup/fred#2625
    """
    host, context = evidence.chain.held(HOST), evidence.chain.held(CONTEXT)
    if host is None or context is None:
        return
    lines = {exclusion.name: exclusion for exclusion in evidence.exclusions}
    ids = revision_ids(host)
    for name in sorted(host.scripts.keys() - context.scripts.keys()):
        exclusion = lines.get(name)
        yield Match(
            Subject(ids.get(name, ""), name),
            f"{name} is on the host but never reaches the build",
            f"{exclusion.at} excludes it: {exclusion.pattern}" if exclusion else _not_brought(evidence),
            (HOST, CONTEXT),
            {"ignore_file": exclusion.at.file, "line": exclusion.at.line, "pattern": exclusion.pattern}
            if exclusion
            else {},
            _include(evidence, exclusion),
        )


def _not_brought(evidence: Evidence) -> str:
    return evidence.not_copied or "no COPY or ADD instruction of the build includes it"


def _include(evidence: Evidence, exclusion: Exclusion | None) -> tuple[Remedy, ...]:
    if exclusion:
        edit = f"delete line {exclusion.at.line} of {exclusion.at.file}, or re-include the folder after it"
    else:
        lacking = evidence.copies
        edit = lacking.edit(lacking.scripts) if lacking and lacking.scripts else "add a COPY for them to the Dockerfile"
    return (Remedy(edit, at=exclusion.at if exclusion else None), *rebuild(evidence, "rebuild"))


def env_file_in_image(evidence: Evidence) -> Iterator[Match]:
    """The build copies a `.env` file into the image.

    What: everybody who can pull or read the image gets the passwords in the file, and they stay in its layers and in
    the build cache. The application may read this copy instead of the settings from the host.

    Why: `COPY . .`, and `.dockerignore` does not exclude the file.

    Fix: give the service its settings with `env_file` or `environment`, then exclude the file from the build context.

    With migops: `migops doctor --fix MIG106` shows the edit as a diff, and applies it after a yes.

    Seen in: topoteretes/cognee#1038
    """
    for file in evidence.setup.env_files if evidence.setup else ():
        name = posixpath.basename(file.host)
        yield Match(
            Subject(path=file.host),
            f"the build copies {name} into the image, as {file.image}",
            f"{file.at}: `{file.instruction}` includes it, and no line of .dockerignore excludes it",
            None,
            {"file": file.host, "image_path": file.image},
            (
                *(() if file.is_given else (Remedy(_GIVE.format(name)),)),
                Remedy(f"add the line **/{name} to .dockerignore"),
                *rebuild(evidence, "rebuild the image without it"),
            ),
        )  # fmt: skip


RULES = (
    Rule("MIG101", "stale-layer", Severity.ERROR, (HOST, IMAGE), stale_layer),
    Rule("MIG102", "uncacheable-source", Severity.ERROR, (HOST, IMAGE), uncacheable_source),
    Rule("MIG103", "inherited-from-base", Severity.ERROR, (HOST, IMAGE), inherited_from_base),
    Rule("MIG104", "excluded-from-context", Severity.ERROR, (HOST, CONTEXT), excluded_from_context),
    Rule("MIG105", "same-size-same-date", Severity.WARNING, (HOST, IMAGE), same_size_same_date),
    Rule("MIG106", "env-file-in-image", Severity.WARNING, (), env_file_in_image, lint=True),
)


def _copies(layer: Layer) -> bool:
    return layer.instruction.split(" ", 1)[0] in ("COPY", "ADD")


def _by_layer(evidence: Evidence, wanted: Callable[[Layer], bool]) -> dict[Layer, list[str]]:
    """The scripts that differ in content, by the layer with the image's copy.

    Without those that git does not know as deleted: rebuilding is not the answer to them, whatever their layer.
    """
    by_layer: dict[Layer, list[str]] = {}
    host, image = evidence.chain.held(HOST), evidence.chain.held(IMAGE)
    differing = in_substance(host, image) if host and image else set()
    for name, layer in sorted(evidence.layers.items()):
        record = evidence.git_records.get(name)
        meant = record is None or record.kind.rebuild_helps
        if isinstance(layer, Layer) and name in differing and meant and wanted(layer):
            by_layer.setdefault(layer, []).append(name)
    return by_layer


def _blind(evidence: Evidence) -> Iterator[Undetermined]:
    reasons = {layer.reason for layer in evidence.layers.values() if isinstance(layer, Unknown)}
    yield from (Undetermined(f"layer unknown: {reason}") for reason in sorted(reasons))


def _layer_hit(evidence: Evidence, layer: Layer, names: list[str], story: str, no_cache: bool = False) -> Match:
    scripts = "1 script that differs" if len(names) == 1 else f"{len(names)} scripts that differ"
    return Match(
        Subject(path=names[0] if len(names) == 1 else ""),
        f"{_layer_words(layer)} contains {scripts} from the host: {', '.join(names)}",
        f"the layer {story}",
        (CONTEXT, IMAGE) if evidence.chain.held(CONTEXT) else (HOST, IMAGE),
        {"scripts": names, **layer_facts(evidence, names[0])},
        _uncached_remedy(evidence) if no_cache else rebuild(evidence, "rebuilding recreates the layer", names),
    )


def _stale_code(evidence: Evidence, code: Code) -> Iterator[Match]:
    """One match for each layer whose files differ from the host's, and one for files that no layer has."""
    image = evidence.chain.held(IMAGE)
    migrations = {script.path for script in image.scripts.values()} if image else set()
    by_layer: dict[Layer | Unknown, list[str]] = {}
    for path in (*code.changed, *code.extra):
        if path not in migrations:  # they have findings of their own
            by_layer.setdefault(code.layers[path], []).append(path)
    extra = set(code.extra)
    for layer, paths in by_layer.items():
        gone = sum(path in extra for path in paths)
        counts = (f"{len(paths) - gone} changed" if len(paths) > gone else "", f"{gone} deleted" if gone else "")
        words = ", ".join(count for count in counts if count) + " on the host"
        yield _code_hit(evidence, _layer_words(layer), words, paths)
    versions = tuple(f"{folder}/" for folder in image.location) if image else ()
    missing = [path for path in code.missing if not path.startswith(versions)]
    if missing:
        yield _code_hit(evidence, "the image", f"{len(missing)} missing in the image", missing)


def _layer_words(layer: Layer | Unknown) -> str:
    if isinstance(layer, Unknown):
        return f"a layer of the image (unknown: {layer.reason})"
    when = f" of {layer.created:%Y-%m-%d %H:%M} UTC" if layer.created else ""
    return f"layer {layer.index}, `{layer.instruction}`{when},"


def _code_hit(evidence: Evidence, holder: str, words: str, paths: list[str]) -> Match:
    shown = first_few(paths, FILES_NAMED)
    return Match(
        Subject(path=paths[0] if len(paths) == 1 else ""),
        f"{holder} differs from the host in {counted(len(paths), 'file')} ({words}): {shown}",
        "the image was built before the files changed on the host",
        (HOST, IMAGE),
        {"files": paths},
        rebuild(evidence, "rebuilding recreates the layer"),
    )


def _uncached_remedy(evidence: Evidence) -> tuple[Remedy, ...]:
    command = evidence.commands.build("--no-cache")
    if not command:
        return rebuild(evidence, "rebuild without the cache")
    return (Remedy("rebuild without the cache, so that the instruction runs again", command),)
