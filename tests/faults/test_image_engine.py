"""FAULTS 1-3: an engine that hangs, a tag that moves, a stream that is cut. Never exit 0, never "in sync"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migops.core.errors import ExitCode, Unavailable
from migops.images import open_image
from tests.images.build import Member, folder, layer, link
from tests.images.fake_engine import IMAGE_ID, FakeEngine, engine_at, send, send_json, send_tar, serve

TAR = layer(folder("versions"), Member("versions/001.py", b"1" * 700), Member("versions/002.py", b"2" * 700))
ARCHIVE = "GET /containers/migops-probe-"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FakeEngine, str]]:
    with serve(tmp_path) as (fake, host):
        fake.answers[ARCHIVE] = lambda to: send_tar(to, TAR)
        yield fake, host


def read(host: str, timeout: float = 5.0) -> dict[str, bytes | None]:
    with engine_at(host, timeout) as engine, open_image("app:1", engine=lambda: engine) as image:
        assert image.id == IMAGE_ID
        return {path: entry.content for path, entry in image.read(["/app/versions"], content=lambda _: True).items()}


WHOLE = {
    "/app/versions": None,
    "/app/versions/001.py": b"1" * 700,
    "/app/versions/002.py": b"2" * 700,
}


def test_a_whole_answer(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    assert read(host) == WHOLE
    assert [line.split("?")[0].split("migops-probe")[0] for line in fake.seen] == [
        "GET /_ping",
        "GET /v1.44/images/app:1/json",
        "GET /v1.44/containers/json",
        "POST /v1.44/containers/create",
        "GET /v1.44/containers/",
        "DELETE /v1.44/containers/",
    ]


@pytest.mark.parametrize("request_line", ["GET /_ping", "GET /images/", "POST /containers/create", ARCHIVE, "DELETE"])
def test_an_engine_that_hangs_ends_within_the_time_limit(served: tuple[FakeEngine, str], request_line: str) -> None:
    fake, host = served
    (key,) = [known for known in fake.answers if known.startswith(request_line)]
    fake.answers[key] = fake.hang
    start = time.monotonic()
    if request_line == "DELETE":
        assert read(host, 0.3) == WHOLE  # the answer is whole; the probe is swept by a later run
    else:
        with pytest.raises(Unavailable, match=r"did not answer within 0\.3 s") as caught:
            read(host, 0.3)
        assert host in caught.value.message
        assert caught.value.hint
        assert caught.value.exit_code == ExitCode.NO_VERDICT
    assert time.monotonic() - start < 30


def test_a_probe_is_removed_with_its_volumes_also_when_reading_fails(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers[ARCHIVE] = lambda to: send_tar(to, TAR, cut=600)
    with pytest.raises(Unavailable):
        read(host)
    created = next(line for line in fake.seen if line.startswith("POST")).partition("name=")[2]
    assert fake.seen[-1] == f"DELETE /v1.44/containers/{created}?v=1&force=1"


def test_a_probe_is_removed_also_when_the_user_interrupts(served: tuple[FakeEngine, str]) -> None:
    fake, host = served

    def interrupted(path: str) -> bool:
        raise KeyboardInterrupt

    with engine_at(host) as engine:
        with pytest.raises(KeyboardInterrupt), open_image("app:1", engine=lambda: engine) as image:
            image.read(["/app/versions"], content=interrupted)
        assert fake.seen[-1].startswith("DELETE /v1.44/containers/migops-probe-")


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 700, 1024, 1536, len(TAR.rstrip(b"\0")), len(TAR) - 1])
def test_a_cut_stream_is_no_verdict(served: tuple[FakeEngine, str], cut: int) -> None:
    fake, host = served
    fake.answers[ARCHIVE] = lambda to: send_tar(to, TAR, cut=cut)
    with pytest.raises(Unavailable):
        read(host)


@pytest.mark.parametrize("cut", [0, 512, 2048, 3584])
def test_a_stream_that_ends_between_two_members_is_no_verdict(served: tuple[FakeEngine, str], cut: int) -> None:
    """The engine ends its answer politely when it fails half way: only the missing end marker tells."""
    fake, host = served
    fake.answers[ARCHIVE] = lambda to: send_tar(to, TAR, cut=cut, clean=True)
    with pytest.raises(Unavailable, match="cut"):
        read(host)


def test_a_probe_that_has_gone_is_not_an_image_without_migrations(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers[ARCHIVE] = lambda to: send_json(to, {"message": "No such container: x"}, 404)
    with pytest.raises(Unavailable, match="gone"):
        read(host)


def test_a_path_that_the_image_lacks_is_absent(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers[ARCHIVE] = lambda to: (
        send_json(to, {"message": "Could not find the file /x in container y"}, 404)
        if "/archive" in to.path
        else send_json(to, {})
    )
    assert read(host) == {}


def test_members_that_were_not_asked_for_are_refused(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers[ARCHIVE] = lambda to: send_tar(to, layer(folder("versions"), Member("etc/passwd", b"")))
    with pytest.raises(Unavailable, match="not asked for"):
        read(host)


def test_only_the_id_counts_once_the_name_was_resolved(served: tuple[FakeEngine, str]) -> None:
    """FAULTS 2: the tag may move at any time after the first look."""
    fake, host = served
    with engine_at(host) as engine, open_image("app:1", engine=lambda: engine) as image:
        fake.answers["GET /images/app:1/json"] = lambda to: send_json(to, {"Id": "sha256:" + "6" * 64})
        image.read(["/app/versions"])
        image.read(["/app/versions"])
        assert image.id == IMAGE_ID
    assert len([line for line in fake.seen if "/images/" in line]) == 1
    assert len([line for line in fake.seen if line.startswith("POST")]) == 1  # one probe for both
    assert fake.seen[-1].startswith("DELETE")


def test_stale_probes_are_swept_and_young_ones_left_alone(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    now = time.time()
    fake.containers = [
        {"Id": "old", "Created": now - 7200, "State": "created"},
        {"Id": "young", "Created": now - 20, "State": "created"},
        {"Id": "running", "Created": now - 7200, "State": "running"},
    ]
    read(host)
    removed = [line for line in fake.seen if line.startswith("DELETE")]
    assert removed[0] == "DELETE /v1.44/containers/old?v=1&force=1"
    assert len(removed) == 2
    listing = next(line for line in fake.seen if "/containers/json" in line)
    assert "migops.probe%3D1" in listing


def test_the_api_version_is_the_older_of_the_two(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers["GET /_ping"] = lambda to: send(to, b"OK", Api_Version="1.41")
    fake.answers["GET /v1.41/images/app:1/json"] = fake.answers["GET /images/app:1/json"]
    with engine_at(host) as engine:
        assert engine.image("app:1")["Id"] == IMAGE_ID


@pytest.mark.parametrize("answer", [b"hello", b'{"a": 1}', b"[1]"])
def test_something_else_behind_the_address(served: tuple[FakeEngine, str], answer: bytes) -> None:
    fake, host = served
    fake.answers["GET /containers/json"] = lambda to: send(to, answer[:-1])
    with pytest.raises(Unavailable, match="not a Docker Engine"):
        read(host)
    fake.answers["GET /_ping"] = lambda to: send(to, b"OK", Api_Version="")
    with pytest.raises(Unavailable, match="not a Docker Engine"):
        read(host)


def test_no_engine_at_all(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no such socket") as caught:
        engine_at(f"unix://{tmp_path}/nobody.sock")
    assert str(tmp_path) in caught.value.message
    assert "DOCKER_HOST" in caught.value.hint
    with pytest.raises(Unavailable, match="refused"):
        engine_at("tcp://127.0.0.1:9")


def test_an_image_that_is_not_there_is_no_verdict_and_never_pulled(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers["GET /images/app:1/json"] = lambda to: send_json(to, {"message": "No such image: app:1"}, 404)
    with pytest.raises(Unavailable, match="has no image 'app:1'") as caught:
        read(host)
    assert "build" in caught.value.hint
    assert not [line for line in fake.seen if line.startswith("POST")]


def test_an_engine_s_own_words_are_passed_on(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    fake.answers["POST /containers/create"] = lambda to: send_json(to, {"message": "no space left on device."}, 500)
    with pytest.raises(Unavailable, match=r"no space left on device$"):
        read(host)
    fake.answers["POST /containers/create"] = lambda to: send(
        to, b"Client sent an HTTP request to an HTTPS server.\n", 400
    )
    with pytest.raises(Unavailable, match="HTTPS server"):
        read(host)


def test_a_probe_that_is_made_after_we_gave_up_is_removed_too(served: tuple[FakeEngine, str]) -> None:
    """Interrupted while the engine creates it, we ask for its removal before it is there."""
    fake, host = served
    fake.answers["POST /containers/create"] = fake.hang
    with pytest.raises(Unavailable, match="creating a probe"):
        read(host, 0.2)
    assert len([line for line in fake.seen if line.startswith("DELETE /v1.44/containers/migops-probe-")]) == 2


def test_more_links_than_anybody_has_are_not_followed(served: tuple[FakeEngine, str]) -> None:
    fake, host = served
    links = layer(folder("versions"), *(link(f"versions/{n:04}.py", "/x") for n in range(1001)))
    fake.answers[ARCHIVE] = lambda to: send_tar(to, links if to.path.endswith("versions") else TAR)
    with pytest.raises(Unavailable, match="more than 1000 links"):
        read(host)
