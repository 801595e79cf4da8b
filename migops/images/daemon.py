"""``docker-daemon:NAME``, the default: an image of the Docker Engine, read through a container that never starts."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from migops.core.errors import Unavailable
from migops.core.model import Entry, EntryKind
from migops.docker import Engine, Stream
from migops.images.image import ImageConfig, KeepContent, parse_config, parse_time
from migops.images.layer import Budget, member_path, read_entry
from migops.images.merge import clean, without_engine_made
from migops.images.reference import Reference
from migops.images.tar import TarReader

MAX_LINKS = 1000  # links to files that are followed, one request each


@contextmanager
def open_daemon(ref: Reference, engine: Callable[[], Engine]) -> Iterator[DaemonImage]:
    """The image that the engine has under the name now. The name is resolved once; later requests use the ID."""
    connected = engine()
    with ExitStack() as stack:
        yield DaemonImage(ref.text, connected, connected.image(ref.location), stack)


class DaemonImage:
    """An image of a Docker Engine. All of its readings share one probe container, which ``stack`` removes."""

    def __init__(self, ref: str, engine: Engine, inspected: dict[str, Any], stack: ExitStack) -> None:
        self.engine = engine
        self.inspected = inspected
        self._ref = ref
        self._stack = stack
        self._probe = ""
        layers = (inspected.get("RootFS") or {}).get("Layers") or []
        self._config = parse_config({"config": inspected.get("Config"), "rootfs": {"diff_ids": layers}})

    @property
    def ref(self) -> str:
        return self._ref

    @property
    def id(self) -> str:
        return str(self.inspected["Id"])

    @property
    def created(self) -> datetime | None:
        return parse_time(self.inspected.get("Created"))

    @property
    def config(self) -> ImageConfig:
        return self._config

    def read(self, paths: Iterable[str], *, content: KeepContent | None = None) -> dict[str, Entry]:
        keep = content or (lambda path: False)
        if not self._probe:
            self._probe = self._stack.enter_context(self.engine.probe(self.id))
        return read_container(self.engine, self._probe, paths, keep)


def read_container(engine: Engine, probe: str, paths: Iterable[str], keep: KeepContent) -> dict[str, Entry]:
    """``Image.read`` in the file system of a container that has never run."""
    reading = _Reading(engine, probe, keep)
    for path in sorted({clean(path) for path in paths}):
        reading.read(path)
    reading.follow_links()
    return without_engine_made(reading.entries)


class _Reading:
    """One reading through one probe."""

    def __init__(self, engine: Engine, probe: str, keep: KeepContent) -> None:
        self.entries: dict[str, Entry] = {}
        self._engine = engine
        self._probe = probe
        self._keep = keep
        self._budget = Budget()
        self._links = 0

    def read(self, path: str) -> None:
        """Add the entries at and below ``path``."""
        if self._is_known(path):
            return
        with self._engine.archive(self._probe, path) as archive:
            if archive is None:
                return
            stat, stream = archive
            if not stat.link:
                self._take(path, stream)
                return
            entry = self._link(path, stream)
        with self._engine.archive(self._probe, stat.link) as archive:
            if archive is None:
                self.entries[path] = entry
            else:
                self._take(path, archive[1])

    def follow_links(self) -> None:
        """Add the content of their target files to the links whose content is requested."""
        for path, entry in list(self.entries.items()):
            if entry.kind is EntryKind.SYMLINK and self._keep(path) and not entry.sha256:
                self._links += 1
                if self._links > MAX_LINKS:
                    raise Unavailable(
                        f"more than {MAX_LINKS} links in the image would have to be followed, as {path!r}"
                    )
                with self._engine.archive(self._probe, path) as archive:
                    target = archive[0].link if archive else ""
                file = self._file(target, path) if target else None
                if file is not None:
                    self.entries[path] = replace(entry, sha256=file.sha256, content=file.content)

    def _is_known(self, path: str) -> bool:
        """True if an earlier path's answer includes this one. Not so below a link."""
        if path in self.entries:
            return self.entries[path].kind is not EntryKind.SYMLINK
        parent = self.entries.get(posixpath.dirname(path))
        return parent is not None and parent.kind is EntryKind.DIRECTORY

    def _take(self, path: str, stream: Stream) -> None:
        """Read a tar whose member names start with the last part of the requested path."""
        tar = TarReader(stream, f"the engine's answer for {path!r}")
        root, links = "", {}
        for member in tar:
            name = member_path(member.name, tar)
            root = root or name
            if name != root and not name.startswith(root.rstrip("/") + "/"):
                raise tar.refuse(f"has the member {member.name!r}, which was not asked for")
            at = _below(path, root, name)
            self._budget.entry()
            if member.is_hardlink:
                links[at] = _below(path, root, member_path(member.linkname, tar))
                continue
            self.entries[at] = read_entry(at, member, tar, self._keep(at), self._budget)
        for at, target in links.items():
            self.entries[at] = self._linked(at, target, tar)

    def _linked(self, path: str, target: str, tar: TarReader) -> Entry:
        """The entry for a second name of a file in the same tar."""
        other = self.entries.get(target)
        if other is None or other.kind is not EntryKind.FILE:
            raise tar.refuse(f"has a hard link, {path!r}, to a file that it does not have")
        if self._keep(path) and other.content is None:
            file = self._file(path, path)
            if file is None:
                raise Unavailable(f"{path!r} vanished from the image while it was read")
            return file
        return replace(other, path=path, content=other.content if self._keep(path) else None)

    def _link(self, path: str, stream: Stream) -> Entry:
        tar = TarReader(stream, f"the engine's answer for {path!r}")
        for member in tar:
            if member.kind is EntryKind.SYMLINK:
                return read_entry(path, member, tar, False, self._budget)
        raise tar.refuse("does not hold the link that it was asked for")

    def _file(self, real: str, path: str) -> Entry | None:
        """The regular file at ``real``, with its content, as ``path``; None if it is not a regular file."""
        with self._engine.archive(self._probe, real) as archive:
            if archive is None:
                return None
            tar = TarReader(archive[1], f"the engine's answer for {real!r}")
            for member in tar:
                if member.kind is EntryKind.FILE and not member.is_hardlink:
                    return read_entry(path, member, tar, True, self._budget)
                return None
        return None


def _below(path: str, root: str, name: str) -> str:
    rest = name[len(root) :].strip("/")
    return posixpath.join(path, rest) if rest else path
