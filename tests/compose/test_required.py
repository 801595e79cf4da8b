"""Required variables that are not set: commands that only read go on where the value may be unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.cli.main import run
from migops.compose import ComposeOptions, EnvFiles, Project, load
from migops.compose.explain import explain
from migops.core.errors import MigopsError, Unavailable
from migops.images import open_image
from tests.compose.test_unread import project as unfinished

APP = "services:\n  app:\n    image: app\n"


def reading(folder: Path, text: str, **environment: str) -> Project:
    (folder / "compose.yaml").write_text(text)
    return load(ComposeOptions(), environment, cwd=str(folder), env_files=EnvFiles.OPTIONAL)


def test_a_variable_of_the_environment_is_unknown(tmp_path: Path) -> None:
    text = APP + "    environment:\n      URL: postgresql://app:${PASSWORD:?set it}@db/app\n      STAGE: prod\n"
    project = reading(tmp_path, text)
    app = project.services["app"]
    assert app.environment == {"STAGE": "prod"}
    assert app.unread.might_set("URL")
    assert not app.unread.might_set("STAGE")
    assert not app.unread.might_set("OTHER")
    assert app.unread.reason("URL") == "URL is unknown: PASSWORD is required and not set"
    assert project.notices == (
        "PASSWORD (compose.yaml:5) is required and not set; what depends on it is unknown\n  try: set it in .env",
    )
    assert reading(tmp_path, text, PASSWORD="x").services["app"].environment["URL"] == "postgresql://app:x@db/app"


def test_a_later_file_settles_what_an_earlier_one_requires(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yaml").write_text("services: {app: {environment: [URL=known]}}\n")
    app = reading(tmp_path, APP + "    environment: ['URL=${PASSWORD:?}']\n").services["app"]
    assert app.environment == {"URL": "known"}
    assert not app.unread.might_set("URL")


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("    labels: ['host=${DOMAIN:?}']\n", ("labels",), {"host": "${DOMAIN}"}),
        ("    container_name: x-${DOMAIN?}\n", ("container_name",), "x-${DOMAIN}"),
        ("    build: {context: ., args: {A: '${DOMAIN:?}'}}\n", ("build", "args"), {"A": "${DOMAIN}"}),
        ("    healthcheck: {test: [CMD, x, '${DOMAIN:?}']}\n", ("healthcheck", "test"), ["CMD", "x", "${DOMAIN}"]),
        ("    ports: ['80:80', '${DOMAIN:?}:81']\n", ("ports",),
         [{"mode": "ingress", "target": 80, "published": "80", "protocol": "tcp"}]),
        ("    mem_limit: ${DOMAIN:?}\n    user: me\n", ("user",), "me"),
        ("    x-mine: a ${DOMAIN:?} b $$\n    user: me\n", ("user",), "me"),
    ],
)  # fmt: skip
def test_other_values_keep_the_name_or_are_left_out(
    text: str, at: tuple[str, ...], value: object, tmp_path: Path
) -> None:
    project = reading(tmp_path, APP + text)
    found = project.services["app"].raw
    for step in at:
        found = found[step]
    assert found == value
    assert len(project.notices) == 1
    assert not any("\ue000" in str(origin.value) for origin in explain(project.tree, ""))


@pytest.mark.parametrize(
    "text",
    [
        APP + "    volumes: ['${DIR:?}:/app']\n", APP + "    command: run ${DIR:?}\n",
        APP + "    working_dir: ${DIR:?}\n",
        "services: {app: {build: '${DIR:?}'}}\n", APP + "    env_file: ${DIR:?}\n", APP + "    user: ${DIR?}\n",
        APP + "    pre_start: [{command: '${DIR:?}'}]\n", "name: ${DIR:?}\n" + APP, APP + "    scale: ${DIR:?}\n",
        APP + "    x-migops: {database-url: '${DIR:?}'}\n", "include: ['${DIR:?}']\n" + APP,
        APP + "volumes: {data: {name: '${DIR:?}'}}\n", APP + "    profiles: ['${DIR:?}']\n",
        APP + "    deploy: {replicas: '${DIR:?}'}\n",
    ],
)  # fmt: skip
def test_what_migops_judges_by_is_refused_still(text: str, tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="required variable DIR is missing a value") as refused:
        reading(tmp_path, text)
    assert refused.value.at is not None
    assert refused.value.at.line


def test_every_variable_is_named_once_with_the_first_line_that_requires_it(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("DOMAIN=localhost\n")
    text = APP + "    labels:\n      - a=${DOMAIN?}\n      - b=${DOMAIN?} ${STACK?}\n"
    assert reading(tmp_path, text).notices == (
        "DOMAIN (compose.yaml:5 and 1 more), STACK (compose.yaml:6) are required and not set; what depends on them "
        "is unknown\n  try: cp .env.example .env",
    )


def test_an_image_without_a_known_name_is_unavailable(tmp_path: Path) -> None:
    app = reading(tmp_path, APP.replace("image: app", "image: '${REGISTRY:?}/app:${TAG-latest}'")).services["app"]
    assert app.image == "${REGISTRY}/app:latest"
    with pytest.raises(Unavailable, match=r"its name in the compose file is \$\{REGISTRY\}/app:latest"):
        open_image(app.image_ref, engine=lambda: pytest.fail("the engine was asked"))


def test_another_fault_is_told_without_placeholders(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="must be a") as refused:
        reading(tmp_path, APP + "    labels: {a: '${DOMAIN:?}'}\n    ports: x\n")
    assert "\ue000" not in str(refused.value)


def test_compose_refuses_and_so_does_every_other_way_to_load(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(APP + "    labels: ['a=${DOMAIN:?}']\n")
    for env_files in (EnvFiles.REQUIRED, EnvFiles.IGNORED):
        with pytest.raises(MigopsError, match="required variable DOMAIN"):
            load(ComposeOptions(), {}, cwd=str(tmp_path), env_files=env_files)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    unfinished(tmp_path)
    (tmp_path / "compose.yaml").write_text(
        "services:\n  app:\n    build: .\n    image: ${REGISTRY:?}/app\n    environment: ['DATABASE_URL=${URL:?}']\n"
    )
    assert run(["check-image", "--no-engine"]) == 0
    shown = capsys.readouterr()
    assert "warning: REGISTRY (compose.yaml:4), URL (compose.yaml:5) are required and not set" in shown.err
    assert "try: cp .env.example .env" in shown.err
    assert shown.out.startswith("CLEAN")
    assert run(["alembic", "upgrade", "head"]) == 2
    assert "required variable REGISTRY is missing a value" in capsys.readouterr().err
    assert run(["config"]) == 2
