"""FAULTS 4-6 and 17: layers made to hurt the reader. Refused in words, in little memory, with nothing written."""

from __future__ import annotations

import gzip
import resource
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

from migops.core.errors import MigopsError, Unavailable
from migops.core.model import EntryKind
from migops.core.terminal import printable
from migops.images import open_image
from tests.images.build import Made, Member, folder, hardlink, layer, link, oci_files, write_dir, write_tar
from tests.images.test_contract import no_engine

GZIP = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""The head of a gzipped file."""
READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (256 * 1024 * 1024,) * 2)
from migops.core.errors import Unavailable
from migops.images import open_image
try:
    with open_image(sys.argv[1], engine=None) as image:
        print(len(image.read(["/app"], content=lambda path: True)))
except Unavailable as error:
    print(error.message)
    sys.exit(3)
"""


def in_little_memory(ref: str) -> tuple[int, str, float]:
    """Its code, what it printed, and the seconds of CPU that it took: others may have the machine meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", READ, ref], capture_output=True, text=True, timeout=300, check=False)
    assert not done.stderr, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.returncode, done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bomb(flag: bytes, size: int) -> bytes:
    """A gzipped layer that starts with a metadata header of ``size`` bytes; some hundred kilobytes on disk."""
    info = tarfile.TarInfo("././@Bomb")
    info.type, info.size = flag, size
    head, part, end = info.tobuf(tarfile.GNU_FORMAT), bytes(1024 * 1024), bytes(1024)
    count = size // len(part)
    pack = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    # After a full flush nothing before it is referred to: what one part became stands for all of them.
    first, each = (pack.compress(text) + pack.flush(zlib.Z_FULL_FLUSH) for text in (head, part))
    last = pack.compress(end) + pack.flush()
    check = zlib.crc32(head)
    for text in (*(part,) * count, end):
        check = zlib.crc32(text, check)
    length = len(head) + count * len(part) + len(end)
    return GZIP + first + each * count + last + struct.pack("<II", check, length % (1 << 32))


@pytest.mark.parametrize("flag", [b"x", b"L", b"K"])
def test_a_metadata_bomb_is_refused_quickly_under_a_memory_cap(flag: bytes, tmp_path: Path) -> None:
    packed = bomb(flag, 300 * 1024 * 1024)
    assert len(packed) < 2_000_000
    image = Made([layer(folder("app"))])
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(image, lambda tar: packed))}"
    code, text, seconds = in_little_memory(ref)
    assert (code, "314572800 bytes" in text) == (3, True), text
    assert seconds < 5


def test_a_global_header_bomb_is_passed_over_in_little_memory(tmp_path: Path) -> None:
    packed = bomb(b"g", 300 * 1024 * 1024)
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(Made([layer()]), lambda tar: packed))}"
    code, text, _ = in_little_memory(ref)
    assert (code, text) == (0, "0\n")


def test_members_elsewhere_cost_no_memory(tmp_path: Path) -> None:
    tar = layer(folder("app"), *(Member(f"other/{n}") for n in range(20_000)))
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(Made([tar]), lambda data: gzip.compress(data, 1)))}"
    code, text, _ = in_little_memory(ref)
    assert (code, text) == (0, "1\n")


def test_a_file_too_large_to_keep_is_refused_before_it_is_held(tmp_path: Path) -> None:
    tar = layer(folder("app"), Member("app/huge.py", bytes(100 * 1024 * 1024)))
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(Made([tar]), lambda data: gzip.compress(data, 1)))}"
    code, text, _ = in_little_memory(ref)
    assert code == 3
    assert "'/app/huge.py'" in text


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([Member("../../etc/evil", b"x")], "leads out of the image"),
        ([hardlink("app/passwd", "../../etc/passwd")], "leads out of the image"),
        ([hardlink("app/passwd", "/etc/passwd")], "hard link"),
        ([Member("app/sparse", kind=tarfile.GNUTYPE_SPARSE)], "sparse"),
    ],
)
def test_members_that_docker_refuses_are_refused(members: list[Member], words: str, tmp_path: Path) -> None:
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(Made([layer(folder('app'), *members)])))}"
    with open_image(ref, engine=no_engine) as image, pytest.raises(Unavailable, match=words):
        image.read(["/app"])


def test_links_and_devices_are_named_and_followed_nowhere_but_in_the_image(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_bytes(b"of the host")
    tar = layer(
        folder("app"),
        link("app/absolute.py", str(secret)),
        link("app/relative.py", "../" * 30 + str(secret)[1:]),
        Member("app/disk", kind=tarfile.BLKTYPE),
        Member("app/fifo.py", kind=tarfile.FIFOTYPE),
        Member("/app/rooted.py", b"in the image"),
    )
    before = sorted(tmp_path.rglob("*"))
    ref = f"docker-archive:{write_tar(tmp_path / 'a.tar', oci_files(Made([tar])))}"
    with open_image(ref, engine=no_engine) as image:
        entries = image.read(["/app"], content=lambda path: True)
    assert {path: entry.kind for path, entry in entries.items()} == {
        "/app": EntryKind.DIRECTORY,
        "/app/absolute.py": EntryKind.SYMLINK,
        "/app/relative.py": EntryKind.SYMLINK,
        "/app/disk": EntryKind.OTHER,
        "/app/fifo.py": EntryKind.OTHER,
        "/app/rooted.py": EntryKind.FILE,
    }
    assert entries["/app/absolute.py"].content is None
    assert entries["/app/relative.py"].content is None
    assert sorted(tmp_path.rglob("*")) == [*before, tmp_path / "a.tar"] or set(tmp_path.rglob("*")) - set(before) == {
        tmp_path / "a.tar"
    }


@pytest.mark.parametrize("name", ["-f", "--pull", "", "docker-archive:--pull", "a\x1b[2Jb", "a\nb", "a\u202eb"])
def test_references_that_look_like_options_or_steer_a_terminal_are_refused(name: str) -> None:
    with pytest.raises(MigopsError) as caught:
        open_image(name, engine=no_engine)
    assert caught.value.exit_code == 2
    assert printable(caught.value.message) == caught.value.message


def test_names_are_kept_as_they_are_and_shown_escaped(tmp_path: Path) -> None:
    name = "app/\x1b[2J\u202e\n.py"
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(Made([layer(Member(name, b'x'))])))}"
    with open_image(ref, engine=no_engine) as image:
        (path,) = set(image.read(["/app"])) - {"/app"}
    assert path == "/" + name
    assert printable(path) == "/app/\\x1b[2J\\u202e\\n.py"
