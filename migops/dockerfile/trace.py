"""What a build would put where in the image, read from the Dockerfile, the ignore file and the context alone.

Bad input on the host (no such Dockerfile, a syntax error, links in a circle) raises MigopsError. What no reading can
tell (a context in git, what a RUN did, what a base image holds) is an Unknown with its reason.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import EntryKind, Location, Unknown
from migops.dockerfile.build import Builder
from migops.dockerfile.context import ContextTree
from migops.dockerfile.ignore import read_ignore
from migops.dockerfile.parse import parse, syntax_of
from migops.dockerfile.paths import clean
from migops.dockerfile.stages import Stage, stages_of
from migops.dockerfile.state import Failure, State
from migops.dockerfile.tree import Origin, Source, resolve, walk

_REMOTE = re.compile(r"-|[a-z][a-z0-9+.\-]*://.*|git@.*|github\.com/.*|(service|target|oci-layout|docker-image):.*")
_OWN_SYNTAX = re.compile(r"(.*/)?docker/dockerfile(-upstream)?([:@].*)?")


@dataclass(frozen=True, slots=True)
class Inline:
    """A Dockerfile written into another file (Compose's ``dockerfile_inline``): its text, and where the text starts."""

    text: str
    at: Location


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file that the build would put into the image.

    ``host_path`` is where it comes from; None for a here-document, whose bytes are ``content``. ``at`` and ``text`` are
    the instruction that takes it from the context, ``via`` the later ones that carry it from stage to stage. A symlink
    is copied as it is: ``target`` is its text.
    """

    image_path: str
    host_path: Path | None
    at: Location
    text: str
    kind: EntryKind = EntryKind.FILE
    via: tuple[Location, ...] = ()
    content: bytes | None = field(default=None, repr=False)
    target: str = ""


@dataclass(frozen=True, slots=True)
class ExcludedFile:
    """A file that an instruction (``at``, ``text``) would have brought, had ``ignored_by`` not kept it out."""

    image_path: str
    host_path: Path
    ignored_by: Location
    at: Location
    text: str


@dataclass(frozen=True, slots=True)
class BaseImage:
    """The image that the target rests on, and the FROM that names it. ``ref`` is "" for scratch."""

    ref: str
    at: Location


@dataclass(frozen=True, slots=True)
class BuildView:
    """The image that a build would make, as far as reading tells. Image paths are absolute.

    Nothing at a path has three causes, which are kept apart: an ignore file (``excluded_under`` says which line), no
    instruction that brings it (``sources_of`` is empty: a base image may still have it), or ``unknown``.
    ``workdir``, ``entrypoint`` and ``cmd`` are None where only the base image has them; ``env`` is what the Dockerfile
    sets. ``failures`` are the instructions at which the build would stop.
    """

    target: Stage
    base: BaseImage
    ignore_file: str
    failures: tuple[Failure, ...]
    _context: ContextTree = field(repr=False)
    _state: State = field(repr=False)

    @property
    def workdir(self) -> str | None:
        return self._state.workdir

    @property
    def entrypoint(self) -> tuple[str, ...] | None:
        return self._state.entrypoint

    @property
    def cmd(self) -> tuple[str, ...] | None:
        return self._state.cmd

    @property
    def env(self) -> Mapping[str, str]:
        return self._state.variables

    @property
    def user(self) -> str:
        return self._state.user

    @property
    def volumes(self) -> tuple[str, ...]:
        return self._state.volumes

    @property
    def labels(self) -> Mapping[str, str]:
        return self._state.labels

    def files_under(self, image_dir: str) -> tuple[ContextFile, ...]:
        """The files (and links) that the build would bring to ``image_dir`` and below it, sorted by path.

        Where links of the image lead elsewhere, the files are still named below ``image_dir``, as it was asked for.
        """
        resolved = self._resolved(image_dir)
        files = []
        for path, node in walk(self._state.tree, resolved):
            name = _moved(path, resolved, image_dir)
            first, *later = node.steps
            via = tuple(step.at for step in later)
            files.append(ContextFile(name, node.host, first.at, first.text, node.kind, via, node.content, node.target))
        return tuple(files)

    def excluded_under(self, image_dir: str) -> tuple[ExcludedFile, ...]:
        """The files that the build would have brought there, had the ignore file not kept them out."""
        tree, resolved = self._state.tree, self._resolved(image_dir, raw=True)
        return tuple(
            ExcludedFile(
                _moved(path, resolved, image_dir), node.host, node.ignored, node.steps[0].at, node.steps[0].text
            )
            for path, node in walk(tree, resolved, raw=True)
            if node.ignored and node.host and tree.lookup(path) is None
        )

    def sources_of(self, image_dir: str) -> tuple[Source, ...]:
        """Every instruction with a say in ``image_dir``, in the order of the build, those of other stages included."""
        return tuple(dict.fromkeys(self._state.tree.sources(self._resolved(image_dir, raw=True))))

    def unknown(self, image_dir: str) -> Unknown | None:
        """Why it cannot be told what the build would put there, or None where it can."""
        for source in self.sources_of(image_dir):
            if source.unknown:
                return Unknown(f"{source.at}: {source.text.split(chr(10))[0]}: {source.unknown}")
        return None

    def image_path_of(self, host_path: Path) -> tuple[str, ...]:
        """Where a file or folder of the context lands in the image, whether or not the ignore file lets it."""
        tree = self._state.tree
        found = []
        for spelling in self._spellings(host_path):
            for path in tree.images_of(spelling):
                node = tree.lookup(path, raw=True)
                if node and node.host == spelling:
                    found.append(path)
        return tuple(dict.fromkeys(found))

    def host_path_of(self, image_path: str) -> Path | None:
        """The file or folder of the context that ends up at ``image_path``, whether or not the ignore file lets it."""
        node = self._state.tree.lookup(self._resolved(image_path, raw=True), raw=True)
        return node.host if node else None

    def _spellings(self, host: Path) -> Iterator[Path]:
        """``host`` as a path under the context's root: as it is written, and where its links lead."""
        yield _absolute(host)
        with contextlib.suppress(ValueError):  # it leads out of the context
            yield self._context.root / host.resolve().relative_to(self._context.root.resolve())

    def _resolved(self, image_path: str, *, raw: bool = False) -> str:
        return resolve(self._state.tree, clean("/" + image_path), raw=raw)


def is_remote(context: str) -> bool:
    """Whether a build context is not a folder of this machine (a git or http URL, ``-``)."""
    return _REMOTE.fullmatch(context) is not None


def trace(
    dockerfile: Path | Inline | None,
    context: Path | str,
    *,
    target: str | None = None,
    args: Mapping[str, str] | None = None,
    contexts: Mapping[str, str | Path] | None = None,
) -> BuildView | Unknown:
    """What ``docker build`` would make of ``dockerfile`` (None: the context's own ``Dockerfile``) and ``context``.

    ``args`` are the build arguments, ``contexts`` Compose's ``additional_contexts`` (a folder, or a URL). The result
    reads the host when it is asked, and then only the folders that matter. Raises MigopsError for bad input.
    """
    if isinstance(context, str) and is_remote(context):
        return Unknown(f"the build context {context} is not a folder of this machine")
    root = _absolute(context)
    if not root.is_dir():
        raise MigopsError("the build context is not a folder", at=Location(str(root)))
    path, text, at = _text(dockerfile, root)
    syntax = (args or {}).get("BUILDKIT_SYNTAX") or syntax_of(text)
    if syntax and not _OWN_SYNTAX.fullmatch(syntax.split()[0]):
        return Unknown(f"{at.file} is written for another frontend: {syntax}")
    parsed = parse(text, at.file, max(at.line, 1))
    stages = stages_of(parsed, args or {})
    stage = stages.target(target, at.file)
    tree = ContextTree(root, read_ignore(root, path))
    named = {name: _folder(name, value) for name, value in (contexts or {}).items()}
    builder = Builder(stages, tree, parsed.escape, args or {}, named)
    state = builder.state(stage)
    base = BaseImage(state.image, state.image_at)
    return BuildView(stage, base, tree.ignore.file, tuple(builder.failures), tree, state)


def _moved(path: str, old: str, new: str) -> str:
    """``path``, which is ``old`` or lies below it, as it is called below ``new``."""
    return clean(f"/{new}/{path[len(old) :]}")


def _folder(name: str, value: str | Path) -> Path | None:
    if isinstance(value, str) and is_remote(value):
        return None
    folder = _absolute(value)
    if not folder.is_dir():
        raise MigopsError(f"the build context {name!r} is not a folder", at=Location(str(folder)))
    return folder


def _absolute(path: str | Path) -> Path:
    return Path(os.path.normpath(Path(path).absolute()))


def _text(dockerfile: Path | Inline | None, root: Path) -> tuple[Path | None, str, Location]:
    if isinstance(dockerfile, Inline):
        return None, dockerfile.text, dockerfile.at
    path = dockerfile or root / "Dockerfile"
    if path.name == "Dockerfile" and not path.exists() and path.with_name("dockerfile").exists():
        path = path.with_name("dockerfile")
    at = Location(str(path))
    try:
        # A FIFO would block for ever, so look before opening.
        if not stat.S_ISREG(path.stat().st_mode):
            raise MigopsError("the Dockerfile is not a regular file", at=at)
        return path, path.read_bytes().decode("utf-8", "surrogateescape"), at
    except FileNotFoundError as error:
        raise MigopsError(
            "there is no Dockerfile here", at=at, hint="check build.context and build.dockerfile"
        ) from error
    except OSError as error:
        raise MigopsError(f"cannot read the Dockerfile: {error.strerror}", at=at) from error


__all__ = [
    "BaseImage",
    "BuildView",
    "ContextFile",
    "ExcludedFile",
    "Failure",
    "Inline",
    "Origin",
    "Source",
    "is_remote",
    "trace",
]
