"""Typing errors: what was meant is said where something is near, and nothing where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.core.text import nearest
from tests.kit import Result, example, migops

RULES = ("MIG001", "MIG802", "MIG803", "default-password", "pinned-revision")


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("ap", ("app", "db"), ("app",)),
        ("App", ("app", "db"), ("app",)),
        ("worker", ("app", "db"), ()),
        ("db", ("bd", "app"), ()),
        ("dcotor", ("doctor", "status"), ("doctor",)),
        ("checkimage", ("check-image", "status"), ("check-image",)),
        ("compose.prod.yaml", ("compose.prod.yml", "compose.dev.yml"), ("compose.prod.yml",)),
        ("docker-compose.yml", ("ci.yml",), ()),
        ("a94d5e61c8f4", ("a94d5e61c8f3", "3f1c0a7be210"), ("a94d5e61c8f3",)),
        ("a94d", ("a94d5e61c8f3", "3f1c0a7be210"), ("a94d5e61c8f3",)),
        ("a94d5e61c8f3", ("3f1c0a7be210", "8bd76168eb7e"), ()),
        ("9", ("009", "010"), ("009",)),
        ("0010", ("0009", "0011"), ()),
        ("MIG999", RULES, ()),
        ("mig802", RULES, ("MIG802",)),
        ("default-pasword", RULES, ("default-password",)),
        ("MIG80X", tuple(f"MIG80{n}" for n in range(1, 9)), ()),
        ("", ("app",), ()),
        ("app", (), ()),
    ],
)  # fmt: skip
def test_what_is_near(word: str, known: tuple[str, ...], near: tuple[str, ...]) -> None:
    assert nearest(word, known) == near


@pytest.fixture
def project(tmp_path: Path) -> Path:
    found = example("clean", tmp_path)
    compose = found / "compose.yaml"
    text = compose.read_text().replace(
        "  db:\n    image", '  debug:\n    image: x\n    profiles: ["debug"]\n\n  db:\n    image'
    )
    (found / "docker-compose.prod.yml").write_text(text)
    compose.write_text(text)
    return found


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("doctr", "Did you mean doctor?"),
        ("rebuild", "Did you mean rebuild-and-migrate?"),
        ("frobnicate", ""),
        ("doctor --ignor MIG802", "'--ignore'"),
        ("check-image --no-engine ap", "did you mean app?"),
        ("check-image --no-engine zzz", ""),
        ("log nosuch", ""),
        ("doctor --no-engine --ignore default-pasword", "did you mean default-password?"),
        ("doctor --no-engine --select MIG999", ""),
        ("explain stale-layr", "did you mean stale-layer?"),
        ("explain frobnicate", ""),
        ("doctor --no-engine --profile debgu", "did you mean debug?"),
        ("doctor --no-engine --profile production", ""),
        ("doctor --no-engine -f docker-compose.prod.yaml", "did you mean docker-compose.prod.yml?"),
        ("doctor --no-engine -f nothing-like-it.json", ""),
        ("doctor --no-engine --config alembc.ini", "did you mean alembic.ini?"),
        ("doctor --no-engine --config settings/other.conf", ""),
        ("doctor --no-engine --name alembc", "did you mean alembic?"),
        ("doctor --no-engine --name billing", ""),
        ("config --explain services.app.enviroment", "did you mean environment?"),
    ],
)
def test_commands(project: Path, words: str, near: str) -> None:
    ended = migops(*words.split(), cwd=project)
    text = ended.stdout + ended.stderr
    assert ended.code in (1, 2, 3), text
    assert (near or "id you mean") in text if near else "id you mean" not in text, text


def refused(project: Path, *words: str) -> Result:
    ended = migops(*words, cwd=project)
    assert ended.code == 2, ended
    return ended


def test_keys_of_settings_and_of_x_migops(project: Path) -> None:
    (project / ".migops.toml").write_text('servce = "app"\n')
    assert "did you mean service?" in refused(project, "doctor", "--no-engine").stderr
    (project / ".migops.toml").write_text('colour = "red"\n')
    assert "did you mean" not in refused(project, "doctor", "--no-engine").stderr
    (project / ".migops.toml").unlink()
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace("    build: .\n", "    build: .\n    x-migops: {confg: a.ini}\n"))
    assert "did you mean config?" in refused(project, "doctor", "--no-engine").stderr


def test_a_backup(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace
    from typing import cast

    from migops.commands import restore
    from migops.compose import ComposeOptions
    from migops.core.errors import MigopsError
    from migops.docker import Engine
    from migops.state import state_folder
    from migops.target import Wanted, resolve

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    target = resolve(Wanted(service="app"), ComposeOptions(), {"COMPOSE_PROJECT_NAME": "shop"}, project)
    engine = cast(Engine, SimpleNamespace(id=lambda: "one"))
    folder = state_folder.folder(engine, "shop") / "backups"
    folder.mkdir()
    (folder / "shop-20260101T000000Z.dump").write_bytes(b"PGDMP")
    for given, near in (("shop-20260101T000000.dump", "did you mean shop-20260101T000000Z.dump? `"), ("x.dump", "`")):
        with pytest.raises(MigopsError, match="no such file") as error:
            restore.dry_run(target, engine, restore.Wanted(given, False, 1.0))
        assert error.value.hint.startswith(near)
