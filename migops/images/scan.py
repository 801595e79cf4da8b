"""Image archives of every flavour: a tar of JSON documents and layers, in no guaranteed order.

``docker save`` writes one folder per layer and ``manifest.json`` last; since Engine 25 it writes an OCI layout in the
same tar, and an OCI archive is that layout alone. One pass therefore recognises every member by its first bytes; the
documents assign the layers afterwards, see ``manifest``.
"""

from __future__ import annotations

import gzip
import os
import posixpath
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from migops.core.errors import Unavailable
from migops.core.model import EntryKind
from migops.images.layer import Budget, Delta, Wanted, member_path, scan_layer
from migops.images.tar import BLOCK, Readable, Skippable, TarReader

MAX_DOCUMENT = 4 * 1024 * 1024  # bytes of one JSON document; an image's configuration has some tens of kilobytes
MAX_DOCUMENTS = 32 * 1024 * 1024  # bytes of all of them
_COMPRESSIONS = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
}


@dataclass(slots=True)
class Contents:
    """The contents found in one pass over an archive, by member name (``blobs/sha256/…``, ``manifest.json``)."""

    documents: dict[str, bytes] = field(default_factory=dict)
    deltas: dict[str, Delta] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def document(self, name: str) -> bytes | None:
        """The content of a document; None if there is none."""
        return self.documents.get(self.followed(name))

    def delta(self, name: str) -> Delta | None:
        """A layer's delta."""
        return self.deltas.get(self.followed(name))

    def followed(self, name: str) -> str:
        """The member that ``name`` links to: old engines write a layer that occurs twice as a link to the first."""
        for _ in range(8):
            if name not in self.links:
                break
            name = self.links[name]
        return name


def scan_archive(tar: TarReader, what: str, wanted: Wanted | None, only: Collection[str] | None = None) -> Contents:
    """One pass over an archive: the documents, and each layer's delta for ``wanted`` (None: documents alone).

    ``only`` limits the layers that are opened to those members; all others are skipped.
    """
    contents, budget, room = Contents(), Budget(), MAX_DOCUMENTS
    for member in tar:
        budget.entry()
        name = member_path(member.name, tar).lstrip("/")
        if member.kind is EntryKind.SYMLINK or member.is_hardlink:
            base = posixpath.dirname(name) if member.kind is EntryKind.SYMLINK else ""
            contents.links[name] = posixpath.normpath(posixpath.join(base, member.linkname))
        if member.kind is not EntryKind.FILE or member.is_hardlink or (only is not None and name not in only):
            continue
        body = Peeked(tar)
        if body.head[:1] in (b"{", b"[") and body.head[257:262] != b"ustar":
            if member.size <= min(MAX_DOCUMENT, room):
                room -= member.size
                contents.documents[name] = read_all(body, member.size)
        elif wanted is not None:
            delta = read_layer(body, f"{what}, layer {name}", wanted, budget)
            if delta is not None:
                contents.deltas[name] = delta
    return contents


def read_layer(body: Peeked, what: str, wanted: Wanted, budget: Budget) -> Delta | None:
    """A layer's delta from its tar or gzipped tar; None if the bytes are not a layer at all.

    A layer with an unsupported compression is a ``Delta`` with the reason in ``unknown``.
    """
    if kind := compression(body.head):
        return Delta(unknown=f"{what} is compressed with {kind}, which migops cannot read")
    stream: Readable = body
    if is_gzip(body.head):
        stream = Gunzipped(body, what)
    elif not _is_tar(body.head):
        return None
    return scan_layer(TarReader(stream, what, bounded=True), wanted, budget)


def compression(head: bytes) -> str | None:
    """The name of the unsupported compression that ``head`` starts; None for any other bytes."""
    return next((kind for magic, kind in _COMPRESSIONS.items() if head.startswith(magic)), None)


def is_gzip(head: bytes) -> bool:
    """True if the bytes start a gzip stream."""
    return head.startswith(b"\x1f\x8b")


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar" or not head.strip(b"\0")  # an empty layer consists of an end marker


def read_all(body: Readable, size: int) -> bytes:
    """The rest of a stream, read in pieces of ``size`` + 1 bytes."""
    parts = []
    while part := body.read(size + 1):
        parts.append(part)
    return b"".join(parts)


class Peeked:
    """A stream whose first bytes can be read in advance."""

    def __init__(self, stream: Skippable) -> None:
        self._stream = stream
        self.head = b""
        while len(self.head) < BLOCK and (more := stream.read(BLOCK - len(self.head))):
            self.head += more
        self._unread = self.head

    def read(self, size: int, /) -> bytes:
        if not self._unread:
            return self._stream.read(size)
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def skip(self, size: int, /) -> None:
        step = min(size, len(self._unread))
        self._unread = self._unread[step:]
        self._stream.skip(size - step)


class Gunzipped:
    """A decompressed gzip stream. Raises ``Unavailable`` for a truncated or damaged one."""

    def __init__(self, stream: Readable, what: str) -> None:
        self._what = what
        self._file = gzip.GzipFile(fileobj=cast(BinaryIO, stream), mode="rb")  # GzipFile only reads it

    def read(self, size: int, /) -> bytes:
        try:
            return bytes(self._file.read(size))
        except EOFError:
            raise Unavailable(f"{self._what} ends too early: its gzip stream was cut") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise Unavailable(f"{self._what} is damaged: {error}") from error


class FileStream:
    """A file from its start that can skip bytes without reading them."""

    def __init__(self, file: BinaryIO, what: str) -> None:
        self._file = file
        self._what = what
        self._size = os.fstat(file.fileno()).st_size
        file.seek(0)

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise Unavailable(f"{self._what} cannot be read: {error.strerror or error}") from error

    def skip(self, size: int, /) -> None:
        if self._file.tell() + size > self._size:
            raise Unavailable(f"{self._what} ends too early: it was cut", hint="write it once more")
        self._file.seek(size, os.SEEK_CUR)
