"""The files that a build would copy into the image, derived from Dockerfile, ignore file and context alone.

Bad input on the host (a missing Dockerfile, a syntax error, circular links) raises MigopsError. Answers that cannot be
derived (a context in git, the effect of a RUN, the files of a base image) are an Unknown with the reason.
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
from migops.dockerfile.state import Failure, Run, State
from migops.dockerfile.tree import Origin, Source, resolve, walk

_REMOTE = re.compile(r"-|[a-z][a-z0-9+.\-]*://.*|git@.*|github\.com/.*|(service|target|oci-layout|docker-image):.*")
_OWN_SYNTAX = re.compile(r"(.*/)?docker/dockerfile(-upstream)?([:@].*)?")


@dataclass(frozen=True, slots=True)
class Inline:
    """A Dockerfile inside another file (Compose's ``dockerfile_inline``): its text, and the location of its start."""

    text: str
    at: Location


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file that the build would copy into the image."""

    image_path: str
    host_path: Path | None  # None for a here-document
    at: Location  # the instruction that copies it from the context
    text: str  # that instruction
    kind: EntryKind = EntryKind.FILE
    via: tuple[Location, ...] = ()  # later instructions that copy it from stage to stage
    content: bytes | None = field(default=None, repr=False)  # of a here-document
    target: str = ""  # of a symlink, which is copied unchanged


@dataclass(frozen=True, slots=True)
class ExcludedFile:
    """A file that an instruction (``at``, ``text``) would copy if the line ``ignored_by`` did not exclude it."""

    image_path: str
    host_path: Path
    ignored_by: Location
    at: Location
    text: str


@dataclass(frozen=True, slots=True)
class BaseImage:
    """The target's base image, and the FROM that names it. ``ref`` is "" for scratch."""

    ref: str
    at: Location


@dataclass(frozen=True, slots=True)
class BuildView:
    """The image that a build would create, as far as it can be derived. Image paths are absolute.

    A path may be missing for one of three reasons: an ignore file (``excluded_under`` returns the line), no instruction
    that copies it (``sources_of`` is empty; a base image may still have it), or ``unknown``. ``workdir``,
    ``entrypoint`` and ``cmd`` are None if only the base image sets them; ``env`` contains the Dockerfile's variables.
    ``failures`` are the instructions at which the build would stop.
    """

    target: Stage
    base: BaseImage
    ignore_file: str
    failures: tuple[Failure, ...]
    _context: ContextTree = field(repr=False)
    _state: State = field(repr=False)
    runs: tuple[Run, ...] = field(default=(), repr=False)
    """Every RUN of the stages that the target needs."""

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
    def command_at(self) -> Location | None:
        """The Dockerfile's last CMD or ENTRYPOINT; None if only the base image sets them."""
        return self._state.command_at

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
        """The files (and links) that the build would copy to ``image_dir`` and below, sorted by path.

        If links of the image lead elsewhere, the files are still named below ``image_dir`` as given.
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
        """The files that the build would copy to ``image_dir`` if the ignore file did not exclude them."""
        tree, resolved = self._state.tree, self._resolved(image_dir, raw=True)
        return tuple(
            ExcludedFile(
                _moved(path, resolved, image_dir), node.host, node.ignored, node.steps[0].at, node.steps[0].text
            )
            for path, node in walk(tree, resolved, raw=True)
            if node.ignored and node.host and tree.lookup(path) is None
        )

    def sources_of(self, image_dir: str) -> tuple[Source, ...]:
        """Every instruction that affects ``image_dir``, in build order, those of other stages included."""
        return tuple(dict.fromkeys(self._state.tree.sources(self._resolved(image_dir, raw=True))))

    def unknown(self, image_dir: str) -> Unknown | None:
        """The reason why the content of ``image_dir`` is unknown; None if it is known."""
        for source in self.sources_of(image_dir):
            if source.unknown:
                return Unknown(f"{source.at}: {source.text.split(chr(10))[0]}: {source.unknown}")
        return None

    def image_path_of(self, host_path: Path) -> tuple[str, ...]:
        """The image paths that a file or folder of the context is copied to, ignored or not."""
        tree = self._state.tree
        paths = []
        for spelling in self._spellings(host_path):
            for path in tree.images_of(spelling):
                node = tree.lookup(path, raw=True)
                if node and node.host == spelling:
                    paths.append(path)
        return tuple(dict.fromkeys(paths))

    def host_path_of(self, image_path: str) -> Path | None:
        """The file or folder of the context that is copied to ``image_path``, ignored or not."""
        node = self._state.tree.lookup(self._resolved(image_path, raw=True), raw=True)
        return node.host if node else None

    def _spellings(self, host: Path) -> Iterator[Path]:
        """``host`` as a path under the context's root: as written, and with its links followed."""
        yield _absolute(host)
        with contextlib.suppress(ValueError):  # outside the context
            yield self._context.root / host.resolve().relative_to(self._context.root.resolve())

    def _resolved(self, image_path: str, *, raw: bool = False) -> str:
        return resolve(self._state.tree, clean("/" + image_path), raw=raw)


def is_remote(context: str) -> bool:
    """True if the build context is not a local folder (a git or http URL, ``-``)."""
    return _REMOTE.fullmatch(context) is not None


def trace(
    dockerfile: Path | Inline | None,
    context: Path | str,
    *,
    target: str | None = None,
    args: Mapping[str, str] | None = None,
    contexts: Mapping[str, str | Path] | None = None,
) -> BuildView | Unknown:
    """The result of ``docker build`` with ``dockerfile`` (None: the context's own ``Dockerfile``) and ``context``.

    ``args`` are the build arguments, ``contexts`` Compose's ``additional_contexts`` (folders or URLs). The result
    reads the host on demand, and only the folders in question. Raises MigopsError for bad input.
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
    return BuildView(stage, base, tree.ignore.file, tuple(builder.failures), tree, state, tuple(builder.runs))


def _moved(path: str, old: str, new: str) -> str:
    """``path`` (at or below ``old``) with ``old`` replaced by ``new``."""
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
        # Opening a FIFO would block forever.
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
