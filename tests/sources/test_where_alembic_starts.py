"""An ini in a package folder: every folder that Alembic may be started in is tried before a path is called broken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.kit import migops, repository, write_image

SCRIPT = "revision = 'a1'\ndown_revision = None\ndef upgrade(): pass\ndef downgrade(): pass\n"
CHANGING = "., command: sh -c 'cd /srv/code && alembic -c ../deploy/alembic.ini upgrade head'"
COMPOSE = "services:\n  app: {build: BUILD}\n"


def project(folder: Path, ini: str, location: str, scripts: str, files: Mapping[str, str], build: str = ".") -> None:
    """A git repository with one revision below ``scripts``, and an ini that names them by ``location``."""
    made = {
        "compose.yaml": COMPOSE.replace("BUILD", build),
        ini: f"[alembic]\nscript_location = {location}\n",
        f"{scripts}/env.py": "from alembic import context\ntarget_metadata = context.metadata\n",
        f"{scripts}/versions/a1.py": SCRIPT,
        **files,
    }
    for name, text in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    repository(folder)


def dockerfile(*lines: str) -> Mapping[str, str]:
    return {"Dockerfile": "\n".join(("FROM python:3.11-slim", "ENTRYPOINT []", *lines, 'CMD ["python"]\n'))}


FOUND = {
    # the ini, its script_location, the folder of the scripts, the files, the build context
    "only the package is copied": (
        "shop/alembic.ini", "shop/migrations", "shop/migrations", dockerfile("WORKDIR /app", "COPY shop shop"), ".",
    ),
    "everything is copied": (
        "shop/alembic.ini", "shop/migrations", "shop/migrations", dockerfile("WORKDIR /app", "COPY . ."), ".",
    ),
    "the working directory is the package": (
        "shop/alembic.ini", "shop/migrations", "shop/migrations",
        dockerfile("WORKDIR /app/shop", "COPY shop /app/shop"), ".",
    ),
    "two folders down": (
        "src/shop/conf/alembic.ini", "shop/migrations", "src/shop/migrations",
        dockerfile("WORKDIR /app", "COPY src ./"), ".",
    ),
    "from git's root": (
        "backend/shop/alembic.ini", "backend/shop/migrations", "backend/shop/migrations",
        {f"backend/{name}": text for name, text in dockerfile("WORKDIR /app", "COPY . backend").items()}, "backend",
    ),
    "beside its scripts": (
        "shop/alembic.ini", "migrations", "shop/migrations", dockerfile("WORKDIR /app", "COPY . ."), ".",
    ),
    "the start's cd": (
        "deploy/alembic.ini", "shop/migrations", "code/shop/migrations",
        {**dockerfile("WORKDIR /", "COPY . /srv"), "compose.yaml": COMPOSE.replace("BUILD", CHANGING)}, ".",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_the_scripts_are_found_on_both_sides(case: str, tmp_path: Path) -> None:
    ini, location, scripts, files, build = FOUND[case]
    project(tmp_path, ini, location, scripts, files, build)
    ran = migops("check-image", "--no-engine", "--format", "json", cwd=tmp_path)
    places = {each["place"]: each for each in ran.json["places"]}
    assert ran.code == 0, ran.stdout
    assert {name: places[name].get("revisions") for name in ("host", "context")} == {"host": 1, "context": 1}
    assert ran.rules == []


def test_a_path_that_no_folder_leads_to_is_broken(tmp_path: Path) -> None:
    files = dockerfile("WORKDIR /app", "COPY . .")
    project(tmp_path, "shop/alembic.ini", "shop/migration", "shop/migrations", files)
    ran = migops("doctor", "--no-engine", "--format", "json", cwd=tmp_path)
    assert ran.code == 3  # nothing was compared
    assert "MIG502" in ran.rules


def test_the_working_directory_comes_before_other_folders(tmp_path: Path) -> None:
    files = {**dockerfile("WORKDIR /app", "COPY . ."), "migrations/versions/b2.py": SCRIPT.replace("a1", "b2")}
    project(tmp_path, "shop/alembic.ini", "migrations", "shop/migrations", files)
    ran = migops("check-image", "--no-engine", "--format", "json", cwd=tmp_path)
    heads = {each["place"]: each.get("heads") for each in ran.json["places"]}
    assert (heads["host"], heads["context"]) == (["b2"], ["b2"])


@pytest.mark.parametrize("working_dir", ["/app", "/app/shop"])
def test_an_image_is_read_from_each_folder_too(working_dir: str, tmp_path: Path) -> None:
    project(tmp_path / "host", "shop/alembic.ini", "shop/migrations", "shop/migrations", {})
    folders = {"/app/shop": tmp_path / "host/shop"}
    image = write_image(tmp_path / "app.tar", folders, config={"WorkingDir": working_dir})
    given = ("--image", f"docker-archive:{image}", "--host-dir", tmp_path / "host", "--format", "json")
    ran = migops("check-image", *given, cwd=tmp_path)
    assert ran.code == 0, ran.stdout
    assert ran.rules == []


TWO = {"old/alembic.ini": "[alembic]\nscript_location = nowhere\n"}
"""A second configuration, so that the project alone does not tell which one counts."""
BY_VARIABLE = {
    "ENV of the image": {
        **TWO, **dockerfile("WORKDIR /app", "ENV ALEMBIC_CONFIG=shop/alembic.ini", "COPY . ."),
    },
    "ENV by an ARG": {
        **TWO, **dockerfile("ARG INI=shop", "WORKDIR /app", "ENV ALEMBIC_CONFIG=/app/$INI/alembic.ini", "COPY . ."),
    },
    "the service's environment": {
        **TWO, **dockerfile("WORKDIR /srv/code", "COPY . ."),
        "compose.yaml": COMPOSE.replace("BUILD", "., environment: {ALEMBIC_CONFIG: /srv/code/shop/alembic.ini}"),
    },
    "the service's environment, relative": {
        **TWO, **dockerfile("WORKDIR /srv/code", "COPY . ."),
        "compose.yaml": COMPOSE.replace("BUILD", "., environment: {ALEMBIC_CONFIG: shop/alembic.ini}"),
    },
    "the service over the image": {
        **TWO, **dockerfile("WORKDIR /app", "ENV ALEMBIC_CONFIG=old/alembic.ini", "COPY . ."),
        "compose.yaml": COMPOSE.replace("BUILD", "., environment: {ALEMBIC_CONFIG: shop/alembic.ini}"),
    },
    "an env file": {
        **TWO, **dockerfile("WORKDIR /app", "COPY . ."), "app.env": "ALEMBIC_CONFIG=shop/alembic.ini\n",
        "compose.yaml": COMPOSE.replace("BUILD", "., env_file: app.env"),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", BY_VARIABLE)
def test_alembic_config_decides_as_for_alembic(case: str, tmp_path: Path) -> None:
    project(tmp_path, "shop/alembic.ini", "shop/migrations", "shop/migrations", BY_VARIABLE[case])
    ran = migops("check-image", "--no-engine", "--format", "json", cwd=tmp_path)
    assert ran.code == 0, ran.stdout + ran.stderr
    places = {each["place"]: each.get("revisions") for each in ran.json["places"]}
    assert (places["host"], places["context"]) == (1, 1)


@pytest.mark.parametrize("where", ["image", "service"])
def test_alembic_config_may_have_a_name_of_its_own(where: str, tmp_path: Path) -> None:
    setting = "ENV ALEMBIC_CONFIG=conf/db.ini"
    files = dict(dockerfile("WORKDIR /app", *([setting] if where == "image" else []), "COPY . ."))
    if where == "service":
        files["compose.yaml"] = COMPOSE.replace("BUILD", "., environment: {ALEMBIC_CONFIG: conf/db.ini}")
    project(tmp_path, "conf/db.ini", "shop/migrations", "shop/migrations", files)
    ran = migops("check-image", "--no-engine", "--format", "json", cwd=tmp_path)
    assert ran.code == 0, ran.stdout + ran.stderr


def test_without_alembic_config_two_configurations_are_not_chosen_between(tmp_path: Path) -> None:
    files = {**TWO, **dockerfile("WORKDIR /app", "COPY . .")}
    project(tmp_path, "shop/alembic.ini", "shop/migrations", "shop/migrations", files)
    ran = migops("check-image", "--no-engine", cwd=tmp_path)
    assert ran.code == 2
    assert "found several configurations: old/alembic.ini, shop/alembic.ini" in ran.stderr


@pytest.mark.parametrize(
    ("location", "code", "reason"),
    [
        ("vendor:migrations", 3, "names the package 'vendor'"),
        ("vendor.db:migrations", 3, "names the package 'vendor'"),
        ("shop:migrations", 0, ""),
    ],
)
def test_a_package_that_is_not_the_projects_is_no_broken_path(
    location: str, code: int, reason: str, tmp_path: Path
) -> None:
    project(tmp_path, "alembic.ini", location, "shop/migrations", dockerfile("WORKDIR /app", "COPY . ."))
    ran = migops("check-image", "--no-engine", cwd=tmp_path)
    assert ran.code == code, ran.stdout + ran.stderr
    assert reason in ran.stderr
    assert "MIG502" not in ran.stdout


def test_a_folder_that_the_projects_package_lacks_is_broken(tmp_path: Path) -> None:
    project(tmp_path, "alembic.ini", "shop:migration", "shop/migrations", dockerfile("WORKDIR /app", "COPY . ."))
    ran = migops("doctor", "--no-engine", "--format", "json", cwd=tmp_path)
    assert "MIG502" in ran.rules
