"""FAULTS rows 8 to 12 and 17, through the whole command. None of these needs an engine."""

from __future__ import annotations

import os
import threading
import time
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from migops.sources.host import HostReader
from tests.images.build import Member
from tests.kit import Result, example, migops, write_image

PARENT = b"down_revision = 'a94d5e61c8f3'\n"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    project = example("clean", tmp_path)
    write_image(tmp_path / "app.tar", {"/app": project})
    return project


def check(project: Path, *more: str) -> Result:
    return migops("check-image", "--image", "docker-archive:../app.tar", *more, "--format", "json", cwd=project)


class TestRow8YamlBombs:
    @pytest.mark.parametrize("kind", ["aliases", "merges"])
    def test_refused_in_under_two_seconds(self, clean: Path, kind: str) -> None:
        first, pattern = {"aliases": ("[x,x]", "[{}]"), "merges": ("{k: v}", "{{<<: [{}]}}")}[kind]
        lines = [f"x-a: &a {first}"]
        for old, new in pairwise("abcdefghijkl"):
            lines.append(f"x-{new}: &{new} " + pattern.format(",".join([f"*{old}"] * 10)))
        (clean / "compose.yaml").write_text("\n".join([*lines, "services: {app: {build: .}}"]))
        started = time.process_time()
        found = check(clean)
        assert time.process_time() - started < 2.0
        assert found.code == 2
        assert "compose.yaml" in found.stderr


class TestRow9HostileScripts:
    @pytest.mark.parametrize(
        "text",
        [
            b"x = " + b"-" * 100_000 + b"1\n",
            b"revision = 'h'\x00\n",
            b"\xff\xfe\x00revision",
            b"# coding: no-such-encoding\nrevision = 'h'\n",
            b"revision = " + b"(" * 5000 + b")" * 5000,
        ],
        ids=["unary", "nul", "utf16", "cookie", "nesting"],
    )
    def test_a_finding_for_the_file_and_no_traceback(self, clean: Path, tmp_path: Path, text: bytes) -> None:
        (clean / "migrations/versions/hostile.py").write_bytes(text)
        write_image(tmp_path / "app.tar", {"/app": clean})
        found = check(clean)
        assert found.code == 1, found.stderr
        assert found.rules == ["MIG306"]
        assert "hostile.py" in found.json["findings"][0]["subject"]["path"]

    def test_nothing_of_the_project_is_ever_run(self, clean: Path, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        evil = f"import pathlib\npathlib.Path({str(canary)!r}).touch()\n"
        for name in ("migrations/versions/evil.py", "migrations/env.py", "models.py", "sitecustomize.py"):
            path = clean / name
            path.write_text(evil + (path.read_text() if path.exists() else "revision = 'e'\n" + PARENT.decode()))
        write_image(tmp_path / "app.tar", {"/app": clean})
        assert check(clean).code == 0
        assert not canary.exists()


class TestRow10Form:
    @pytest.mark.parametrize(
        ("change", "difference"),
        [
            (lambda text: text.replace(b"\n", b"\r\n"), "line-ends"),
            (lambda text: b"\xef\xbb\xbf" + text, "bom"),
            (lambda text: text.rstrip() + b"   \n\n", "whitespace"),
        ],
        ids=["crlf", "bom", "whitespace"],
    )
    def test_a_class_of_its_own(self, clean: Path, change: Callable[[bytes], bytes], difference: str) -> None:
        script = next((clean / "migrations/versions").glob("a94*.py"))
        script.write_bytes(change(script.read_bytes()))
        found = check(clean)
        assert (found.code, found.rules) == (0, ["MIG003"])
        assert found.json["findings"][0]["facts"]["difference"] == difference

    @pytest.mark.parametrize("naming", ["unicode-form", "letter-case"])
    def test_names_that_file_systems_fold(self, clean: Path, tmp_path: Path, naming: str) -> None:
        composed, versions = "café_Step.py", clean / "migrations/versions"
        other = unicodedata.normalize("NFD", composed) if naming == "unicode-form" else composed.lower()
        (versions / composed).write_bytes(b"revision = 'c'\n" + PARENT)
        write_image(tmp_path / "app.tar", {"/app": clean})
        (versions / composed).rename(versions / other)
        found = check(clean)
        assert (found.code, found.rules) == (0, ["MIG003"])
        assert found.json["findings"][0]["facts"]["naming"] == naming

    def test_a_files_mode_is_not_its_text(self, clean: Path) -> None:
        next((clean / "migrations/versions").glob("a94*.py")).chmod(0o755)
        assert check(clean).json["findings"] == []


class TestRow11TheHostsTraps:
    @pytest.mark.parametrize("trap", ["loop", "fifo", "out"])
    def test_refused_and_named_without_hanging(self, clean: Path, trap: str) -> None:
        path = clean / "migrations/versions/trap.py"
        if trap == "loop":
            path.symlink_to("trap.py")
        elif trap == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to("/etc/hostname")
        found = check(clean)
        assert found.code == 2
        assert "trap.py" in found.stderr


def test_row_12_a_writer_during_the_scan_is_no_verdict(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is let in at the one moment that matters: after the host was read, before the verdict."""
    from migops import collect

    read_context = collect.read_context

    def and_somebody_writes(taken: collect.Survey, host: HostReader) -> None:
        (clean / "migrations/versions/late.py").write_bytes(b"revision = 'late'\n" + PARENT)
        read_context(taken, host)

    monkeypatch.setattr(collect, "read_context", and_somebody_writes)
    found = check(clean)
    assert found.code == 3
    assert "late.py" in found.stderr


def test_row_12_a_writer_in_a_loop_never_makes_a_false_verdict(clean: Path) -> None:
    script = clean / "migrations/versions/flip.py"
    stop = threading.Event()

    def flip() -> None:
        for number in range(100_000):
            if stop.is_set():
                return
            script.write_bytes(b"revision = 'flip'\n" + PARENT + b"#" * (number % 50) + b"\n")

    writer = threading.Thread(target=flip)
    writer.start()
    try:
        codes = {check(clean).code for _ in range(10)}
    finally:
        stop.set()
        writer.join()
    assert codes <= {1, 3}, "the image lacks the script: a verdict of clean would be false"


class TestRow17Names:
    def test_a_service_that_looks_like_an_option(self, clean: Path) -> None:
        assert migops("check-image", "--", "--pull", cwd=clean).code == 2

    def test_an_image_that_looks_like_an_option(self, clean: Path) -> None:
        found = migops("check-image", "--image=--all", cwd=clean)
        assert found.code == 2

    def test_escapes_reach_no_terminal_in_any_format(self, clean: Path, tmp_path: Path) -> None:
        evil = Member("app/migrations/versions/\x1b[2J\u202eyp.live.py", b"revision = '\\x1b]0;x'\n" + PARENT)
        write_image(tmp_path / "app.tar", {"/app": clean}, evil)
        for format_ in ("text", "json"):
            found = migops("check-image", "--image", "docker-archive:../app.tar", "--format", format_, "-v", cwd=clean)
            assert found.code == 1
            assert "\x1b" not in found.stdout
            assert "\u202e" not in found.stdout
