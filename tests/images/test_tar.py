"""The tar reader: what ``tarfile`` writes, it reads; what is cut, damaged or hostile, it refuses."""

from __future__ import annotations

import io
import tarfile
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migops.core.errors import Unavailable
from migops.core.model import EntryKind
from migops.images.tar import BLOCK, MAX_HEADER, TarReader

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
names = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=90)
members = st.lists(
    st.tuples(names, st.binary(max_size=1500), st.integers(0, 0o7777), st.integers(0, 2**33)), max_size=6
)


def write(content: list[tuple[str, bytes, int, int]], format: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, encoding="utf-8") as tar:
        for name, data, mode, mtime in content:
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), mode, mtime
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes, *, bounded: bool = False) -> list[tuple[str, bytes, int, float]]:
    tar = TarReader(io.BytesIO(data), "The tar", bounded=bounded)
    found = []
    for member in tar:
        parts = []
        while part := tar.read(100):
            parts.append(part)
        has = tar.attributes()
        found.append((member.name, b"".join(parts), has.mode, has.mtime))
    return found


@given(members, st.sampled_from(FORMATS[1:]))
def test_reads_what_tarfile_writes(content: list[tuple[str, bytes, int, int]], format: int) -> None:
    assert read(write(content, format)) == content


@settings(max_examples=30)
@given(members, st.sampled_from(FORMATS[1:]), st.data())
def test_a_cut_is_never_taken_for_the_end(
    content: list[tuple[str, bytes, int, int]], format: int, data: st.DataObject
) -> None:
    whole = write(content, format)
    end = len(whole.rstrip(b"\0")) // BLOCK * BLOCK + (BLOCK if whole.rstrip(b"\0") else 0)
    cut = data.draw(st.integers(0, end))
    with pytest.raises(Unavailable, match="cut"):
        read(whole[:cut])


@given(st.binary(max_size=3000))
def test_garbage_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Unavailable):
        read(data + b"x")


@given(members.filter(bool), st.data())
def test_a_flipped_header_bit_is_seen(content: list[tuple[str, bytes, int, int]], data: st.DataObject) -> None:
    whole = bytearray(write(content, tarfile.GNU_FORMAT))
    whole[data.draw(st.integers(0, BLOCK - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = read(bytes(whole))
    except Unavailable:
        return
    assert found == content  # the bit was of the padding of a number


def test_kinds_links_and_owner() -> None:
    out = io.BytesIO()
    kinds = {
        "d": tarfile.DIRTYPE,
        "s": tarfile.SYMTYPE,
        "h": tarfile.LNKTYPE,
        "c": tarfile.CHRTYPE,
        "b": tarfile.BLKTYPE,
        "p": tarfile.FIFOTYPE,
    }
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.uid, info.gid, info.mtime = kind, "to/" + "x" * 300, 2**31, 5, 1.5
            tar.addfile(info)
    reader = TarReader(io.BytesIO(out.getvalue()), "The tar")
    found = {member.name.rstrip("/"): member for member in reader}
    assert {name: member.kind for name, member in found.items()} == {
        "d": EntryKind.DIRECTORY,
        "s": EntryKind.SYMLINK,
        "h": EntryKind.FILE,
        "c": EntryKind.OTHER,
        "b": EntryKind.OTHER,
        "p": EntryKind.OTHER,
    }
    assert [name for name, member in found.items() if member.is_hardlink] == ["h"]
    assert found["s"].linkname == "to/" + "x" * 300
    last = reader.attributes()
    assert (last.uid, last.gid, last.mtime) == (2**31, 5, 1.5)


def test_names_that_are_not_utf8_keep_their_bytes() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        tar.addfile(tarfile.TarInfo("caf\xe9"))
    assert read(out.getvalue())[0][0] == "caf\udce9"


def test_a_prefix_continues_a_long_ustar_name() -> None:
    name = "/".join(["p" * 60] * 3)
    assert read(write([(name, b"x", 0o644, 1)], tarfile.USTAR_FORMAT))[0][0] == name


def test_an_end_marker_is_needed_unless_somebody_else_knows_the_end() -> None:
    whole = write([("a", b"1", 0o644, 1)], tarfile.GNU_FORMAT)[: 2 * BLOCK]
    assert [found[0] for found in read(whole, bounded=True)] == ["a"]
    with pytest.raises(Unavailable, match="cut"):
        read(whole)
    with pytest.raises(Unavailable, match="cut"):
        read(whole[:-1], bounded=True)


def header(**fields: bytes) -> bytes:
    """A header block with the fields put in raw and the checksum right."""
    at = {"name": 0, "mode": 100, "size": 124, "mtime": 136, "type": 156, "link": 157, "magic": 257}
    block = bytearray(BLOCK)
    for name, value in {"name": b"a", "mode": b"0000644", "size": b"00000000000", "type": b"0", **fields}.items():
        block[at[name] : at[name] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


BIG = b"\x80" + (2**40).to_bytes(11, "big")
NEGATIVE = (2**96 - 5).to_bytes(12, "big")
PAX = {
    "negative": b"12 size=-10\n",
    "not a number": b"14 size=lots!\n",
    "huge": b"34 size=" + b"9" * 25 + b"\n",
    "no length": b"x size=1\n",
    "length past the end": b"99 path=x\n",
    "no equals": b"7 path\n",
    "zero length": b"0 path=x\n",
    "sparse": b"22 GNU.sparse.major=1\n",
    "time": b"12 mtime=inf\n",
    "nul": b"12 path=a\0b\n",
}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(header(size=NEGATIVE), id="negative size"),
        pytest.param(header(size=b"-0000000001"), id="signed size"),
        pytest.param(header(size=b"1_0"), id="underscore"),
        pytest.param(header(type=b"S"), id="GNU sparse"),
        pytest.param(header(name=b"\0"), id="no name"),
        pytest.param(header(size=BIG), id="a terabyte that is not there"),
        pytest.param(header(type=b"L", size=BIG), id="a long name of a terabyte"),
        pytest.param(header(type=b"x", size=BIG), id="a PAX header of a terabyte"),
        pytest.param(header(type=b"x", size=b"%011o" % (MAX_HEADER + 1)), id="a PAX header just too long"),
        *(
            pytest.param(header(type=b"x", size=b"%011o" % len(text)) + text.ljust(BLOCK, b"\0") + header(), id=name)
            for name, text in PAX.items()
        ),
        pytest.param(bytes(BLOCK) + header(), id="a member behind half an end marker"),
        pytest.param(header(type=b"x", size=b"00000000000"), id="a PAX header and nothing more"),
    ],
)
def test_hostile_headers_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        read(data + (bytes(2 * BLOCK) if not data.startswith(bytes(BLOCK)) else b""))
    assert caught.value.message.startswith("The tar ")


class Endless:
    """A header of a gigabyte, and as many bytes as anybody reads."""

    def __init__(self, kind: bytes) -> None:
        self.given = 0
        self._head = header(type=kind, size=b"%011o" % 2**30)

    def read(self, size: int, /) -> bytes:
        self.given += size
        head, self._head = self._head[:size], self._head[size:]
        return head or b"9" * size


@pytest.mark.parametrize("kind", [b"x", b"L", b"K"])
def test_a_metadata_bomb_is_refused_before_it_is_read(kind: bytes) -> None:
    bomb = Endless(kind)
    tracemalloc.start()
    with pytest.raises(Unavailable, match=str(2**30)):
        next(iter(TarReader(bomb, "The tar")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bomb.given == BLOCK
    assert peak < 1_000_000


def test_what_is_not_read_is_passed_over() -> None:
    data = write([("a", b"1" * 1000, 0o644, 1), ("b", b"2" * 700_000, 0o644, 1), ("c", b"3", 0o644, 1)], FORMATS[2])
    tar = TarReader(io.BytesIO(data), "The tar")
    names = []
    for member in tar:
        names.append(member.name)
        if member.name == "b":
            assert tar.read(10) == b"2" * 10
            tar.skip(5)
            assert tar.left == 700_000 - 15
            with pytest.raises(Unavailable, match="cut"):
                tar.skip(700_000)
    assert names == ["a", "b", "c"]
