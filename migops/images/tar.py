"""A forward-only tar reader with bounded memory, for untrusted streams.

``tarfile`` is unsuitable: it treats a stream truncated between two members, and a damaged header, as the end of the
archive, so that a stale file after the cut would look clean; and it reads a PAX or long-name header whole, whatever its
size. Both are ``Unavailable`` here. The format is POSIX ``pax`` and GNU tar, as Docker's own reader reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from migops.core.errors import Unavailable
from migops.core.model import EntryKind

BLOCK = 512
CHUNK = 256 * 1024
MAX_HEADER = 1024 * 1024  # bytes of one PAX or long-name header; Linux allows 4 KiB of path and 64 KiB per attribute
_ZERO = bytes(BLOCK)
_WITHOUT_DATA = frozenset(b"123456")
_KINDS = {
    ord("0"): EntryKind.FILE,
    ord("1"): EntryKind.FILE,  # a hard link: another name of a file
    ord("7"): EntryKind.FILE,
    ord("2"): EntryKind.SYMLINK,
    ord("5"): EntryKind.DIRECTORY,
}


class Readable(Protocol):
    """A stream of bytes. ``read(n)`` returns at most ``n`` bytes, and none only at the end."""

    def read(self, size: int, /) -> bytes: ...


class Skippable(Readable, Protocol):
    """A stream whose ``skip`` passes over exactly ``size`` bytes without reading them, and raises if it has fewer."""

    def skip(self, size: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One header of the archive, as written: ``name`` and ``linkname`` are not cleaned."""

    name: str
    kind: EntryKind
    is_hardlink: bool
    size: int
    linkname: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """A header's fields besides name and kind. Parsed on demand, because most members are skipped."""

    mode: int
    mtime: float
    uid: int
    gid: int


class TarReader:
    """The members of a tar stream in order. A member's data can be read until the next member is requested.

    ``what`` names the stream in messages. ``bounded``: the caller checks the stream's end (a member of another archive,
    for example); otherwise an archive without its end marker is truncated.
    """

    def __init__(self, stream: Readable, what: str, *, bounded: bool = False) -> None:
        self._stream = stream
        self._what = what
        self._bounded = bounded
        self._left = 0  # unread bytes of the current member's data
        self._padding = 0
        self._block = b""  # the current member's header, and the PAX records before it
        self._pax: dict[str, str] = {}

    def __iter__(self) -> Iterator[Member]:
        while (member := self._next()) is not None:
            yield member

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes of the current member's data; none at its end."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        data = self._stream.read(wanted)
        if not data:
            raise self.cut()
        self._left -= len(data)
        return data

    def skip(self, size: int, /) -> None:
        """Skip bytes of the current member's data, without reading them if the stream can seek."""
        if size > self._left:
            raise self.cut()
        self._pass_over(size)
        self._left -= size

    def attributes(self) -> Attributes:
        """The current member's attributes."""
        block, pax = self._block, self._pax
        return Attributes(
            mode=self._number(block, 100, 8) & 0o7777,
            mtime=self._decimal(pax["mtime"]) if "mtime" in pax else self._number(block, 136, 12),
            uid=self._whole(pax["uid"]) if "uid" in pax else self._number(block, 108, 8),
            gid=self._whole(pax["gid"]) if "gid" in pax else self._number(block, 116, 8),
        )

    @property
    def left(self) -> int:
        """Unread bytes of the current member's data."""
        return self._left

    def cut(self) -> Unavailable:
        """The error for a truncated stream."""
        return Unavailable(f"{self._what} ends too early: it was cut", hint="read or write it once more")

    def refuse(self, why: str) -> Unavailable:
        """The error for an invalid archive."""
        hint = "no builder writes such a tar: build the image again, or save it again"
        return Unavailable(f"{self._what} {why}", hint=hint)

    def _next(self) -> Member | None:
        name = linkname = None
        pax: dict[str, str] = {}
        announced = False  # an extended header describes the member after it
        while (block := self._header()) is not None:
            kind, size = block[156], self._number(block, 124, 12)
            if size < 0:
                raise self.refuse("has a member of negative size")
            if kind in b"gxLK":
                self._begin(size)
                if kind == ord("g"):
                    continue  # global headers do not affect a layer; Docker skips them too
                text, announced = self._metadata(), True
                if kind == ord("x"):
                    pax = self._records(text)
                elif kind == ord("L"):
                    name = _text(text.split(b"\0", 1)[0])
                else:
                    linkname = _text(text.split(b"\0", 1)[0])
                continue
            return self._member(block, size, pax, name, linkname)
        if announced:
            raise self.cut()
        return None

    def _header(self) -> bytes | None:
        """The next header block, with a verified checksum; None at the end of the archive."""
        self._pass_over(self._left + self._padding)
        self._left = self._padding = 0
        block = self._next_block()
        if block and block != _ZERO:
            self._prove(block)
            return block
        if not block and not self._bounded:
            raise self.cut()
        if block and (self._next_block() or _ZERO) != _ZERO:
            raise self.refuse("goes on after its end marker")
        for _ in range(MAX_HEADER // BLOCK):  # read the padding, so that a checksum or connection below also ends
            if not self._stream.read(BLOCK):
                break
        return None

    def _next_block(self) -> bytes:
        """The next 512 bytes, or none at the end of the stream."""
        block = self._stream.read(BLOCK)
        while block and len(block) < BLOCK:
            more = self._stream.read(BLOCK - len(block))
            if not more:
                raise self.cut()
            block += more
        return block

    def _prove(self, block: bytes) -> None:
        stated = self._number(block, 148, 8)
        rest = block[:148] + b" " * 8 + block[156:]
        if stated != sum(rest) and stated != sum(rest) - 256 * sum(byte > 127 for byte in rest):  # old: signed
            raise self.refuse("has a damaged header (wrong checksum)")

    def _begin(self, size: int) -> None:
        self._left = size
        self._padding = -size % BLOCK

    def _metadata(self) -> bytes:
        if self._left > MAX_HEADER:
            raise self.refuse(f"has a name or PAX header of {self._left} bytes; {MAX_HEADER} are accepted")
        parts = []
        while part := self.read(self._left):
            parts.append(part)
        return b"".join(parts)

    def _pass_over(self, size: int) -> None:
        if size >= CHUNK and (skip := getattr(self._stream, "skip", None)):
            skip(size)
            return
        while size:
            data = self._stream.read(min(size, CHUNK))
            if not data:
                raise self.cut()
            size -= len(data)

    def _records(self, text: bytes) -> dict[str, str]:
        """The records ``LENGTH KEY=VALUE\\n`` of a PAX header."""
        records = {}
        at = 0
        while at < len(text) and text[at]:
            length, space, _ = text[at : at + 10].partition(b" ")
            end = at + (int(length) if length.isdigit() else 0)
            key, equals, value = text[at + len(length) + 1 : end - 1].partition(b"=")
            if not (space and equals and key) or end > len(text) or text[end - 1 : end] != b"\n":
                raise self.refuse("has a damaged PAX header")
            if key.startswith(b"GNU.sparse."):
                raise self.refuse("has a sparse member")
            records[_text(key)] = _text(value)
            at = end
        return records

    def _member(self, block: bytes, size: int, pax: dict[str, str], name: str | None, linkname: str | None) -> Member:
        flag = block[156] or ord("0")
        if flag == ord("S"):
            raise self.refuse("has a sparse member")
        name = pax.get("path") or name or self._plain_name(block)
        if block[157] or linkname or pax:
            linkname = pax.get("linkpath") or linkname or _text(block[157:257].split(b"\0", 1)[0])
        linkname = linkname or ""
        if not name or "\0" in name or "\0" in linkname:
            raise self.refuse("has a member with an empty name or a NUL in it")
        if "size" in pax:
            size = self._whole(pax["size"])
        if block[156] == 0 and name.endswith("/"):  # a folder in tars older than POSIX
            flag = ord("5")
        self._begin(0 if flag in _WITHOUT_DATA else size)
        self._block, self._pax = block, pax
        return Member(name, _KINDS.get(flag, EntryKind.OTHER), flag == ord("1"), self._left, linkname)

    def _plain_name(self, block: bytes) -> str:
        name = _text(block[:100].split(b"\0", 1)[0])
        if block[345] and block[257:263] == b"ustar\0":  # GNU's own format has times in this field
            return _text(block[345:500].split(b"\0", 1)[0]) + "/" + name
        return name

    def _number(self, block: bytes, at: int, width: int) -> int:
        """A number field: octal digits, or (first bit set) a big-endian two's complement of the remaining bits."""
        field = block[at : at + width]
        if field[0] & 0x80:
            value = int.from_bytes(field, "big") & ((1 << (8 * width - 1)) - 1)
            return value - (1 << (8 * width - 1)) if field[0] & 0x40 else value
        digits = field.strip(b" \0")
        if digits.translate(None, b"01234567"):
            raise self.refuse("has a header with a number that is none, or negative")
        return int(digits, 8) if digits else 0

    def _whole(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            raise self.refuse("has a PAX header with a number that is none, or negative, or too large")
        return int(text)

    def _decimal(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("inf")
        if not abs(value) < 2**62:
            raise self.refuse("has a PAX header with a time that is none")
        return value


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
