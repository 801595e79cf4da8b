"""The first command in a project that nobody prepared: it answers, or prints the command that does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.kit import Result, migops

INI = "[alembic]\nscript_location = migrations\n"
SCRIPT = 'revision = "a1"\ndown_revision = None\ndef upgrade(): pass\ndef downgrade(): pass\n'
DOCKERFILE = "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\n"
APP = "services:\n  app:\n    build: .\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def project(root: Path, files: dict[str, str], at: str = "") -> Path:
    """A project with migrations and a Dockerfile in the folder ``at``, and these files."""
    there = root / at
    write(there, {"alembic.ini": INI, "migrations/env.py": "", "migrations/versions/a1.py": SCRIPT})
    write(there, {"Dockerfile": DOCKERFILE})
    return write(root, files)


def check(folder: Path, *arguments: str) -> Result:
    return migops("check-image", "--no-engine", *arguments, cwd=folder)


def printed(found: Result) -> list[str]:
    """The commands of migops in the hint, each as it would be typed."""
    hint = found.stderr.partition("  try: ")[2].strip()
    return [part for part in re.split(r"; or |: ", hint) if part.startswith("migops ")]


def typed(command: str, folder: Path) -> Result:
    return migops(*shlex.split(command)[1:], cwd=folder)


@pytest.mark.parametrize(
    "name",
    [
        "docker-compose.prod.yml", "compose.dev.yaml", "local.yml", "docker-compose-local.yaml", "production.yaml",
        "my.docker-compose.yml", "stack.yml",
    ],
)  # fmt: skip
def test_the_only_file_of_another_name_is_taken_and_named(tmp_path: Path, name: str) -> None:
    found = check(project(tmp_path, {name: APP}))
    assert found.code == 0, found.stderr
    assert f"reading {name}, the only one" in found.stderr
    assert "-f FILE" in found.stderr


@pytest.mark.parametrize("folder", ["docker", "deploy", "infra", ".docker", "deployment", "docker/compose", "backend"])
def test_the_only_file_in_a_subfolder_is_taken(tmp_path: Path, folder: str) -> None:
    up = "/".join([".."] * len(folder.split("/")))
    compose = APP.replace("build: .", f"build: {up}")
    found = check(project(tmp_path, {f"{folder}/compose.yaml": compose}))
    assert found.code == 0, found.stderr
    assert f"reading {folder}/compose.yaml" in found.stderr


def test_a_printed_command_names_the_file_that_was_taken(tmp_path: Path) -> None:
    folder = project(tmp_path, {"docker-compose.prod.yml": APP, ".dockerignore": "migrations/versions\n"})
    found = check(folder)
    assert found.code == 1, found.stdout + found.stderr
    assert "docker compose -f docker-compose.prod.yml build" in found.stdout


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml"])
def test_a_default_name_is_taken_without_a_word(tmp_path: Path, name: str) -> None:
    found = check(project(tmp_path, {name: APP, "docker-compose.prod.yml": APP}))
    assert (found.code, found.stderr) == (0, "")


@pytest.mark.parametrize(
    "other",
    [
        "services:\n  db: [not, a, service]\n",
        "services:\n  app:\n    environment: {A: b}\n",  # an override: neither image nor build
        "services:\n  - docker:dind\n",  # of a CI system
        "services: {a: {build: .}\n",  # not YAML
        "name: x\nservices_of: {}\n",
        "services:\n  _defaults: {autowire: true}\n",
    ],
)
def test_other_yaml_is_no_compose_file(tmp_path: Path, other: str) -> None:
    found = check(project(tmp_path, {"docker-compose.prod.yml": APP, "a.yml": other, "deploy/b.yaml": other}))
    assert found.code == 0, found.stderr
    assert "reading docker-compose.prod.yml, the only one" in found.stderr


def test_files_of_examples_and_tests_are_no_choice(tmp_path: Path) -> None:
    names = ("examples/compose.yaml", "tests/docker-compose.yml", "node_modules/x/compose.yaml")
    found = check(project(tmp_path, {"local.yml": APP, **dict.fromkeys(names, APP)}))
    assert found.code == 0, found.stderr


def test_several_are_named_with_the_command_as_it_was_typed(tmp_path: Path) -> None:
    folder = project(tmp_path, {"docker-compose.dev.yml": APP, "docker-compose.prod.yml": APP})
    found = check(folder, "--fail-on", "warning", "app")
    assert found.code == 2
    assert printed(found) == [
        f"migops check-image -f docker-compose.{kind}.yml --no-engine --fail-on warning app" for kind in ("dev", "prod")
    ]
    assert [typed(command, folder).code for command in printed(found)] == [0, 0]


def test_of_several_the_one_that_builds_migrations_is_taken(tmp_path: Path) -> None:
    storage = "services:\n  db:\n    image: postgres:15\n"
    found = check(project(tmp_path, {"docker/app.yaml": APP.replace(".", ".."), "docker/storage.yaml": storage}))
    assert found.code == 0, found.stderr
    assert "reading docker/app.yaml, the only one of 2 that builds migrations" in found.stderr


def test_of_several_none_is_taken_if_one_cannot_be_read(tmp_path: Path) -> None:
    needs = "services:\n  app:\n    build: .\n    image: ${TAG?which tag}\n"
    found = check(project(tmp_path, {"docker-compose.dev.yml": APP, "docker-compose.prod.yml": needs}))
    assert found.code == 2
    assert len(printed(found)) == 2


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("adopt", "--dry-run"), "migops adopt -f local.yml --dry-run"),
        (("rescue",), "migops rescue -f local.yml"),
        (("backup", "app"), "migops backup -f local.yml app"),
        (("alembic", "-x", "a=b", "upgrade", "head"), "migops alembic --file local.yml -x a=b upgrade head"),
        (("restore", "--dry-run", "x.dump"), "migops restore -f local.yml --dry-run x.dump"),
    ],
)
def test_a_command_that_acts_only_names_it(tmp_path: Path, arguments: tuple[str, ...], command: str) -> None:
    found = migops(*arguments, cwd=project(tmp_path, {"local.yml": APP}))
    assert found.code == 2
    assert "no compose file of a default name here; there is local.yml" in found.stderr
    assert printed(found) == [command]


def test_a_password_that_was_typed_is_not_printed_again(tmp_path: Path) -> None:
    url = "postgresql://u:s3cret@db/x?password=hunter2"
    found = migops("alembic", "--database-url", url, "current", cwd=project(tmp_path, {"local.yml": APP}))
    assert found.code == 2
    assert "postgresql://u:***@db/x?password=***" in found.stderr
    assert "s3cret" not in found.stderr
    assert "hunter2" not in found.stderr


def test_config_and_doctor_take_it_too(tmp_path: Path) -> None:
    folder = project(tmp_path, {"local.yml": APP})
    assert migops("config", "--services", cwd=folder).stdout == "app\n"
    found = migops("doctor", "--no-engine", "--format", "json", cwd=folder)
    assert found.json["target"]["service"] == "app"
    assert "reading local.yml" in found.stderr


def test_without_any_compose_file_the_build_is_offered(tmp_path: Path) -> None:
    folder = project(tmp_path, {})
    found = migops("doctor", cwd=folder)
    assert found.code == 2
    assert printed(found) == ["migops doctor --context . --no-engine"]
    assert typed(printed(found)[0], folder).code == 0


def test_of_a_dockerfile_that_copies_no_migrations_nothing_is_offered(tmp_path: Path) -> None:
    folder = project(tmp_path, {"Dockerfile": "FROM node:20\nCOPY package.json /srv/\n", "package.json": "{}"})
    assert printed(migops("doctor", cwd=folder)) == []


@pytest.mark.parametrize(
    ("at", "files", "context"),
    [
        ("", {}, "."),
        ("backend", {}, "backend"),
        ("apps/shop", {}, "apps/shop"),
        ("", {"docker/Dockerfile": DOCKERFILE}, ". --dockerfile docker/Dockerfile"),
        (
            "",
            {"docker/Dockerfile.dev": DOCKERFILE, "docker/api.Dockerfile": DOCKERFILE},
            ". --dockerfile docker/api.Dockerfile",
        ),
    ],
)
def test_images_from_elsewhere_beside_a_dockerfile(
    tmp_path: Path, at: str, files: dict[str, str], context: str
) -> None:
    images = "services:\n  app:\n    image: registry.example.org/shop\n  db:\n    image: postgres:15\n"
    folder = project(tmp_path, {"compose.yaml": images, **files}, at)
    if files:
        (folder / "Dockerfile").unlink()
    for command in ("check-image", "doctor", "status"):
        found = migops(command, "-f", "compose.yaml", cwd=folder)
        assert found.code == 2
        assert printed(found) == [f"migops {command} --context {context} --no-engine"]
        assert typed(printed(found)[0], folder).code == 0
    found = migops("check-image", "--image", "shop:1", cwd=folder)
    assert printed(found) == [f"migops check-image --context {context} --image shop:1"]
    assert printed(migops("rescue", cwd=folder)) == [f"migops check-image --context {context} --no-engine"]


def test_a_compose_file_of_the_database_alone_offers_the_build_beside_it(tmp_path: Path) -> None:
    database = "services:\n  db:\n    image: postgres:15\n"
    folder = project(tmp_path, {"docker/docker-compose.yml": database, "docker/Dockerfile": DOCKERFILE})
    (folder / "Dockerfile").unlink()
    found = migops("check-image", cwd=folder)
    assert printed(found) == ["migops check-image --context . --dockerfile docker/Dockerfile --no-engine"]
    assert typed(printed(found)[0], folder).code == 0


def test_the_missing_dockerfile_and_the_project_directory_are_named(tmp_path: Path) -> None:
    compose = APP.replace("build: .", "build: {context: ., dockerfile: infra/Dockerfile}")
    folder = project(tmp_path, {"infra/compose.yaml": compose, "infra/Dockerfile": DOCKERFILE})
    for arguments in ((), ("-f", "infra/compose.yaml"), ("-f", "infra/compose.yaml", "app")):
        found = check(folder, *arguments)
        assert found.code == 2
        assert f"there is no Dockerfile {folder}/infra/infra/Dockerfile" in found.stderr
        assert "infra/compose.yaml:3" in found.stderr
        assert "paths are relative to the project directory, which is infra" in found.stderr
        assert typed(printed(found)[0], folder).code == 0
    assert check(folder, "-f", "infra/compose.yaml", "--project-directory", ".").code == 0
    found = migops("doctor", "app", cwd=folder)
    assert printed(found) == ["migops doctor -f infra/compose.yaml --project-directory . app"]


def test_a_dockerfile_that_is_nowhere_offers_no_directory(tmp_path: Path) -> None:
    compose = APP.replace("build: .", "build: {context: ., dockerfile: nowhere/Dockerfile}")
    found = check(project(tmp_path, {"infra/compose.yaml": compose}))
    assert "there is no Dockerfile" in found.stderr
    assert "correct build.context or build.dockerfile" in found.stderr
    assert printed(found) == []


FRONTEND = "services:\n  web:\n    build: {context: ., dockerfile: web/Dockerfile}\n  app:\n    build: .\n"


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM node:20\nCOPY web /srv\n",
        "FROM node:20 AS built\nCOPY . .\nRUN npm run build\nFROM nginx\nCOPY --from=built /dist /srv\n",
    ],
)
def test_a_service_whose_image_has_no_migrations_is_no_choice(tmp_path: Path, dockerfile: str) -> None:
    web = {"web/Dockerfile": dockerfile, "web/index.js": ""}
    mounted = FRONTEND.replace("  app:", "    volumes: ['.:/srv']\n  app:")
    for compose in (FRONTEND, mounted):
        found = check(project(tmp_path, {"compose.yaml": compose, **web}), "--format", "json")
        assert found.code == 0, found.stderr
        assert found.json["target"]["service"] == "app"


def test_of_images_without_migrations_those_that_mount_them_are_the_choice(tmp_path: Path) -> None:
    mounted = "    volumes: ['.:/app']\n"
    files = {"web/Dockerfile": "FROM node:20\nCOPY web /srv\n", "Dockerfile": "FROM python\nWORKDIR /app\n"}
    found = check(project(tmp_path, {"compose.yaml": FRONTEND + mounted, **files}), "--format", "json")
    assert found.json["target"]["service"] == "app"
    found = check(project(tmp_path, {"compose.yaml": FRONTEND, **files}))
    assert printed(found) == ["migops check-image --no-engine web"]  # neither: it is in a base image, if anywhere


@pytest.mark.parametrize(
    ("dockerfile", "more"),
    [
        (DOCKERFILE, ""),
        ("FROM node:20\nCOPY migrations /srv/migrations\n", ""),
        ("FROM app\nCMD worker\n", ""),  # its base image is that of a sibling
    ],
)
def test_services_that_have_migrations_are_all_a_choice(tmp_path: Path, dockerfile: str, more: str) -> None:
    compose = f"{FRONTEND}    image: app\n".replace("web/Dockerfile}\n", f"web/Dockerfile}}\n{more}")
    folder = project(tmp_path, {"compose.yaml": compose, "web/Dockerfile": dockerfile, "web/x": ""})
    found = check(folder, "--format", "json")
    assert found.code == 2
    assert found.json["error"]["hint"] == "name one: migops check-image --no-engine --format json web"
    assert typed("migops check-image --no-engine --format json web", folder).json["target"]["service"] == "web"


def test_two_lines_make_a_configuration(tmp_path: Path) -> None:
    folder = project(tmp_path, {"compose.yaml": APP})
    (folder / "alembic.ini").unlink()
    for service in ((), ("app",)):
        found = check(folder, *service)
        assert found.code == 2
        assert "two lines make one for the migrations in migrations: printf '[alembic]\\nscript_loc" in found.stderr
    write(folder, {"alembic.ini": "[alembic]\nscript_location = migrations\n"})
    assert check(folder).code == 0


def test_two_folders_of_migrations_are_not_guessed_between(tmp_path: Path) -> None:
    folder = project(tmp_path, {"compose.yaml": APP, "other/env.py": "", "other/versions/b1.py": SCRIPT})
    (folder / "alembic.ini").unlink()
    assert "two lines" not in check(folder).stderr


def test_graph_finds_what_check_image_finds(tmp_path: Path) -> None:
    compose = {"local.yml": APP.replace("build: .", "build: backend")}
    folder = project(tmp_path, compose, "backend")
    found = migops("graph", "--format", "json", cwd=folder)
    assert found.code == 0, found.stderr
    assert [revision["id"] for revision in found.json["revisions"]] == ["a1"]
    assert f"drawing {folder}/backend/alembic.ini, of service app" in found.stderr


def test_graph_names_the_files_that_it_cannot_choose_from(tmp_path: Path) -> None:
    compose = APP.replace("build: .", "build: backend")
    folder = project(tmp_path, {"a.compose.yml": compose, "b.compose.yml": compose}, "backend")
    found = migops("graph", cwd=folder)
    assert printed(found) == ["migops graph -f a.compose.yml", "migops graph -f b.compose.yml"]
    assert [typed(command, folder).code for command in printed(found)] == [0, 0]


def test_graph_of_nothing_says_so(tmp_path: Path) -> None:
    found = migops("graph", cwd=tmp_path)
    assert found.code == 2
    assert "neither an alembic.ini nor a pyproject.toml" in found.stderr


@pytest.mark.parametrize("command", ["status", "doctor", "check-image"])
def test_a_build_of_a_context_takes_dockerfile_stage_and_arguments(tmp_path: Path, command: str) -> None:
    staged = "ARG FROM=nothing\nFROM python AS full\nWORKDIR /app\nCOPY . .\nFROM python AS empty\nWORKDIR /srv\n"
    folder = project(tmp_path, {"docker/prod.Dockerfile": staged})
    build = ("--context", ".", "--dockerfile", "docker/prod.Dockerfile", "--no-engine", "--format", "json")
    full = migops(command, *build, "--target", "full", "--build-arg", "FROM=x", cwd=folder).json
    empty = migops(command, *build, "--target", "empty", cwd=folder).json
    states = [{place["place"]: place["status"] for place in each["places"]}["context"] for each in (full, empty)]
    assert states == ["read", "unknown"]
    found = migops(command, "--target", "full", cwd=folder)
    assert (found.code, "--target needs --context" in found.stderr) == (2, True)
