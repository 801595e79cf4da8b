"""Our reading against the compose CLI's: the comparison, and the CLI's answers good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose import ComposeOptions
from migops.compose.refusal import find_compose
from migops.compose.verify import command_line, differences, verify
from migops.core.errors import MigopsError, Unavailable
from tests.compose.compose_cli import program
from tests.compose.support import read_text

APP = "services: {app: {image: app, volumes: ['./a:/a']}}\n"


def fake(folder: Path, script: str) -> tuple[str, ...]:
    """A compose CLI that runs a shell script."""
    file = folder / "compose-cli"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return (str(file),)


def test_the_command_line_has_every_option() -> None:
    options = ComposeOptions(("a.yaml", "b.yaml"), "name", ("x.env",), ("p", "q"), "dir")
    wanted = "docker compose -f a.yaml -f b.yaml --env-file x.env --profile p --profile q -p name"
    assert " ".join(command_line(options, ("docker", "compose"))) == (
        f"{wanted} --project-directory dir config --format json"
    )


def test_differences_and_whether_they_matter() -> None:
    app = {"image": "a", "hostname": "h", "deploy": {"mode": "x"}, "volumes": [{"source": "/a"}]}
    ours = {"services": {"app": app}}
    theirs = {"services": {"app": {"image": "b", "volumes": [{"source": "/b"}]}}, "x-top": 1}
    found = {".".join(one.path): one.matters for one in differences(ours, theirs)}
    assert found == {
        "services.app.deploy": True,
        "services.app.hostname": False,
        "services.app.image": True,
        "services.app.volumes.[0].source": True,
        "x-top": False,
    }
    assert differences(ours, ours) == []


def test_what_the_cli_reads_otherwise_is_told(tmp_path: Path) -> None:
    project = read_text(tmp_path, APP)
    (one,) = verify(project, ComposeOptions(), tmp_path, fake(tmp_path, _printing(project.resolved, "app2")))
    assert (one.path, one.ours, one.theirs, one.matters) == (("services", "app", "image"), '"app"', '"app2"', True)


def _printing(document: object, image: str) -> str:
    import json

    return f"cat <<'END'\n{json.dumps(document)}\nEND".replace('"image": "app"', f'"image": "{image}"')


def test_a_cli_that_refuses_or_says_nonsense(tmp_path: Path) -> None:
    project = read_text(tmp_path, APP)
    with pytest.raises(MigopsError, match="rejects the project, although migops accepts it: no such thing"):
        verify(project, ComposeOptions(), tmp_path, fake(tmp_path, "echo no such thing >&2; exit 15"))
    with pytest.raises(Unavailable, match="did not print JSON"):
        verify(project, ComposeOptions(), tmp_path, fake(tmp_path, "echo hello"))


def test_no_cli_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="no compose CLI"):
        find_compose()
    (tmp_path / "docker-compose").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "docker-compose").chmod(0o755)
    assert find_compose() == ("docker-compose",)


@pytest.mark.engine
def test_the_real_cli_agrees(tmp_path: Path) -> None:
    project = read_text(tmp_path, APP)
    assert verify(project, ComposeOptions(), tmp_path, (str(program()),)) == []
