"""FAULTS 1-3 on a real engine: frozen, with a tag that moves, behind a proxy that cuts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from migops.core.errors import Unavailable
from migops.docker import connect
from migops.images import open_image
from tests.engine.fixtures import SecondEngines
from tests.engine.proxy import Fault, Proxy
from tests.engine.sandbox import Sandbox
from tests.images.build import Made, Member, folder, layer, legacy_files, write_tar


def load(sandbox: Sandbox, name: str, text: bytes) -> str:
    files = [Member(f"v/{n:03}.py", text * 50) for n in range(100)]
    image = replace(Made([layer(folder("v"), *files)]), name=sandbox.tag(name))
    sandbox.docker("load", "-i", str(write_tar(sandbox.path / f"{name}.tar", legacy_files(image))))
    return image.name


def test_a_frozen_engine_ends_within_the_time_limit(second_engine: SecondEngines) -> None:
    second = second_engine()
    with connect(1.0, second.engine.changes) as engine:
        second.freeze()
        try:
            start = time.monotonic()
            with pytest.raises(Unavailable, match="did not answer within 1 s"):
                engine.image("app")
            with pytest.raises(Unavailable, match="did not answer within 1 s") as caught:
                connect(1.0, second.engine.changes)
            assert time.monotonic() - start < 60
            assert second.engine.host in caught.value.message
        finally:
            second.thaw()


def test_a_tag_that_moves_while_we_read_gives_an_answer_about_one_image(sandbox: Sandbox) -> None:
    refs = [load(sandbox, "one", b"one\n"), load(sandbox, "two", b"two\n")]
    moving, stop = sandbox.tag("moving"), threading.Event()
    sandbox.docker("tag", refs[0], moving)

    def move() -> None:
        while not stop.is_set():
            for ref in refs:
                sandbox.docker("tag", ref, moving)

    thread = threading.Thread(target=move)
    thread.start()
    seen: dict[str, bytes] = {}
    try:
        with connect(environment=sandbox.engine.changes) as engine:
            for _ in range(15):
                with open_image(moving, engine=lambda: engine) as image:
                    first = image.read(["/v"], content=lambda path: True)
                    second = image.read(["/v"], content=lambda path: True)
                assert first == second
                (text,) = {entry.content for entry in first.values() if entry.content}
                assert seen.setdefault(image.id, text) == text
    finally:
        stop.set()
        thread.join()
    assert set(seen.values()) <= {b"one\n" * 50, b"two\n" * 50}


def test_a_cut_answer_is_never_in_sync(sandbox: Sandbox, engine_proxy: Callable[[Fault | None], Proxy]) -> None:
    ref = load(sandbox, "cut", b"text\n")
    proxy = engine_proxy(None)

    def read() -> int:
        with connect(10, {"DOCKER_HOST": proxy.host}) as engine, open_image(ref, engine=lambda: engine) as image:
            return len(image.read(["/v"]))

    assert read() == 101
    for after in (0, 200, 1000, 20_000, 60_000, 100_000):
        proxy.fault = Fault(after=after, on=b"/archive?")
        struck = proxy.struck
        with pytest.raises(Unavailable):
            read()
        assert proxy.struck > struck
    proxy.fault = None
    assert read() == 101
