"""``version --all`` asks each part with a deadline; ``--version`` starts nothing and asks nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migops import __version__
from tests.kit import migops

ALL = ("version", "--all", "--timeout", "2.5", "--format", "json")
HANGING = "#!/bin/sh\necho $$ >> {pids}\nsleep 600\n"
SAID = {
    "git": "#!/bin/sh\necho 'git version 2.39.5'\n",
    "docker": """#!/bin/sh
case "$*" in
  --version) echo 'Docker version 26.1.5, build a72d7cd';;
  'compose version') echo 'Docker Compose version v2.26.1';;
  'buildx version') echo 'github.com/docker/buildx v0.13.1 788433953af10';;
  'buildx inspect') printf 'Name: default\\nNodes:\\nBuildKit version: v0.12.5\\nPlatforms: linux/amd64\\n';;
esac
""",
}


def programs(folder: Path, **texts: str) -> dict[str, str]:
    """An environment in which these are the only programs, beside a shell's."""
    folder.mkdir()
    for name in ("sh", "sleep", "echo"):
        (folder / name).symlink_to(next(path for path in (Path("/bin", name), Path("/usr/bin", name)) if path.exists()))
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {"PATH": str(folder), "DOCKER_HOST": "unix:///nowhere/docker.sock"}


def test_what_answers_is_told(tmp_path: Path) -> None:
    parts = migops(*ALL, "--timeout", "60", cwd=tmp_path, env=programs(tmp_path / "bin", **SAID)).json["parts"]
    told = {name: parts[name]["version"] for name in ("docker", "compose", "buildx", "buildkit", "git")}
    assert told == {
        "docker": "26.1.5", "compose": "2.26.1", "buildx": "0.13.1", "buildkit": "0.12.5", "git": "2.39.5",
    }  # fmt: skip
    assert parts["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert parts["sqlalchemy"]["version"]
    assert "no such socket" in parts["engine"]["reason"]


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    text = "#!/bin/sh\necho \"docker: '$1' is not a docker command.\"\nexit 1\n"
    parts = migops(*ALL, "--timeout", "60", cwd=tmp_path, env=programs(tmp_path / "bin", docker=text)).json["parts"]
    assert parts["git"] == {"version": None, "reason": "not found: no git on PATH", "note": None}
    assert parts["compose"]["reason"] == "not found: no plugin compose"
    assert parts["buildkit"]["reason"] == "not found: no plugin buildx"


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[str]:
    """An engine that accepts connections and never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        server.listen()
        yield f"unix://{tmp_path / 'docker.sock'}"


def test_what_hangs_does_not_hang_migops_and_is_ended(tmp_path: Path, silent: str) -> None:
    hanging = HANGING.format(pids=tmp_path / "pids")
    env = {**programs(tmp_path / "bin", git=hanging, docker=hanging), "DOCKER_HOST": silent}
    ended = migops(*ALL, cwd=tmp_path, env=env)
    assert ended.code == 0, ended.stderr
    parts = ended.json["parts"]
    for name in ("docker", "compose", "buildx", "buildkit", "git"):
        assert parts[name]["reason"] == "did not answer in 2.5 s", name
    assert "did not answer " in parts["engine"]["reason"]
    assert parts["python"]["version"]
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_as_text(tmp_path: Path) -> None:
    env = programs(tmp_path / "bin", **SAID)
    lines = migops("version", "--all", "--timeout", "60", cwd=tmp_path, env=env).stdout.splitlines()
    assert lines[0].split() == ["migops", __version__]
    assert any(line.startswith("compose ") and line.endswith("2.26.1") for line in lines)
    assert migops("version", cwd=tmp_path).stdout == f"migops {__version__}\n"


WATCH = """
import json, sys
seen = []
sys.addaudithook(lambda event, words: seen.append(event) if event in {
    "subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system", "socket.connect", "pty.spawn"} else None)
from migops.cli.main import run
code = run(sys.argv[1:])
print(json.dumps([code, seen]), file=sys.stderr)
"""


@pytest.mark.parametrize(("words", "starts"), [(("--version",), False), (("version",), False), (ALL, True)])
def test_the_version_alone_starts_nothing(tmp_path: Path, words: tuple[str, ...], starts: bool) -> None:
    done = subprocess.run(
        (sys.executable, "-c", WATCH, *words), cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "DOCKER_HOST": "unix:///nowhere/docker.sock"},
    )  # fmt: skip
    code, seen = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert bool(seen) is starts
    assert __version__ in done.stdout
