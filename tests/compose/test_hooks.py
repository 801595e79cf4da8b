"""``pre_start``: the containers that run to their end before a service starts (compose 5.3 and newer)."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose import Hook
from migops.compose.render import image_names
from migops.compose.secrets import secrets_of
from migops.core.errors import MigopsError
from migops.core.location import Location
from tests.compose.support import read_text

WEB = """services:
  web:
    image: shop/web
    working_dir: /srv
    user: app
    environment: {STAGE: prod, TOKEN: "1"}
    pre_start:
"""


def hooks(folder: Path, text: str, **given: str) -> tuple[Hook, ...]:
    return read_text(folder, WEB + text, environment=given).services["web"].pre_start


def test_a_hook_has_the_services_image_environment_folder_and_user(tmp_path: Path) -> None:
    (hook,) = hooks(tmp_path, "      - command: alembic upgrade head\n")
    assert hook == Hook(
        "shop/web", Location(str(tmp_path / "compose.yaml"), 8), ("alembic", "upgrade", "head"), None,
        {"STAGE": "prod", "TOKEN": "1"}, "/srv", "app",
    )  # fmt: skip


def test_its_own_settings_go_before_the_services(tmp_path: Path) -> None:
    first, second = hooks(
        tmp_path,
        "      - {image: 'tools:${TAG}', command: [run, it], entrypoint: [], working_dir: /x, user: root, "
        "per_replica: 'true', environment: [TOKEN=2, HOME_OF]}\n      - command: second\n",
        TAG="3",
        HOME_OF="here",
    )
    assert (first.image, first.command, first.entrypoint) == ("tools:3", ("run", "it"), ())
    assert first.environment == {"STAGE": "prod", "TOKEN": "2", "HOME_OF": "here"}
    assert (first.working_dir, first.user, first.per_replica) == ("/x", "root", True)
    assert (second.image, second.command, second.per_replica) == ("shop/web", ("second",), False)


def test_a_hook_of_a_built_service_runs_in_the_built_image(tmp_path: Path) -> None:
    text = "name: shop\nservices: {web: {build: ., pre_start: [{command: migrate}]}}\n"
    project = read_text(tmp_path, text)
    assert [hook.image for hook in project.services["web"].pre_start] == ["shop-web"]
    assert image_names(project) == ["shop-web"]


def test_images_of_hooks_are_listed_after_the_services(tmp_path: Path) -> None:
    text = WEB + "      - {image: tools, command: a}\n      - {image: tools, command: b}\n      - command: c\n"
    assert image_names(read_text(tmp_path, text)) == ["shop/web", "tools"]


def test_hooks_of_several_files_follow_one_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(WEB + "      - command: first\n")
    (tmp_path / "over.yaml").write_text("services: {web: {pre_start: [{command: second}]}}\n")
    from tests.compose.support import load_in

    project = load_in(tmp_path, files=(str(tmp_path / "base.yaml"), str(tmp_path / "over.yaml")))
    assert [hook.command for hook in project.services["web"].pre_start] == [("first",), ("second",)]


def test_a_hooks_env_file_and_paths_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "hook.env").write_text("TOKEN=from-file\n")
    text = WEB + "      - {command: x, env_file: hook.env, volumes: ['./data:/data']}\n"
    project = read_text(tmp_path, text)
    (hook,) = project.services["web"].pre_start
    assert hook.environment["TOKEN"] == "from-file"
    shown = project.resolved["services"]["web"]["pre_start"]
    assert shown[0]["volumes"][0]["source"] == str(tmp_path / "data")
    assert shown[0]["image"] == "shop/web"


def test_a_hooks_secrets_are_known_to_the_redaction(tmp_path: Path) -> None:
    project = read_text(tmp_path, WEB + "      - {command: x, environment: {DB_PASSWORD: hunter-two-2}}\n")
    assert "hunter-two-2" in secrets_of(project).secrets


@pytest.mark.parametrize(
    ("hook", "wanted"),
    [
        ("{comand: x}", "additional properties 'comand' not allowed"),
        ("{command: x, per-replica: true}", "additional properties 'per-replica' not allowed"),
        ("{command: 3}", "command must be a null"),
        ("alembic upgrade head", "must be a mapping"),
    ],
)
def test_a_wrong_hook_is_refused_at_its_line(hook: str, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match=wanted) as refused:
        read_text(tmp_path, WEB + f"      - {hook}\n")
    assert refused.value.at == Location(str(tmp_path / "compose.yaml"), 8)


def test_stages_without_a_cache(tmp_path: Path) -> None:
    text = "services: {web: {build: {context: ., no_cache_filter: %s}}}\n"
    for written in ("[base, tools]", "base"):
        build = read_text(tmp_path, text % written).services["web"].build
        assert build is not None
        assert build.no_cache_filter == (("base", "tools") if "[" in written else ("base",))
