"""check-image on projects that are laid out in another way than most: each gave a wrong answer once, or could."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.build import Member
from tests.kit import Result, example, git, migops, repository, write_image

SCRIPT = "revision = {id!r}\ndown_revision = {down!r}\n"


def check(project: Path, *more: str) -> Result:
    arguments = ("check-image", "--image", "docker-archive:../app.tar", *more, "--format", "json")
    return migops(*arguments, cwd=project)


def revision(path: Path, id_: str, down: str | None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPT.format(id=id_, down=down))
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return example("clean", tmp_path)


def build(project: Path, target: str = "/app", **config: str) -> None:
    write_image(project.parent / "app.tar", {target: project}, config=config)


def set_option(project: Path, old: str, new: str) -> None:
    ini = project / "alembic.ini"
    assert old in ini.read_text()
    ini.write_text(ini.read_text().replace(old, new))


def test_two_versions_folders_with_files_of_one_name(project: Path) -> None:
    first = next((project / "migrations/versions").glob("3f*.py"))
    second = revision(project / "versions" / first.name, "other", "a94d5e61c8f3")
    here = "%(here)s/migrations/versions %(here)s/versions"
    set_option(project, "prepend_sys_path", f"version_locations = {here}\nprepend_sys_path")
    build(project)
    assert check(project).code == 0
    first.write_text(first.read_text() + "# edited\n")
    assert "MIG003" in check(project).rules
    build(project)
    second.unlink()
    found = check(project)
    assert found.rules[0] == "MIG001"
    assert found.json["findings"][0]["subject"]["path"] == f"../versions/{first.name}"


def test_a_versions_folder_outside_of_the_configurations(project: Path) -> None:
    (project / "svc").mkdir()
    (project / "alembic.ini").rename(project / "svc/alembic.ini")
    revision(project / "shared/v/one.py", "one", None)
    ini = project / "svc/alembic.ini"
    text = "script_location = %(here)s/../migrations\nversion_locations = %(here)s/../shared/v"
    ini.write_text(ini.read_text().replace("script_location = migrations", text))
    build(project)
    found = check(project)
    assert (found.code, found.rules) == (0, []), found.stdout


def test_the_services_command_says_which_configuration(project: Path) -> None:
    """Two configurations: the one at the top is not the one that the service runs with."""
    deploy = project / "deploy"
    script = revision(deploy / "mig/versions/d1.py", "d1", None)
    ghost = revision(deploy / "mig/versions/d2.py", "d2", "d1")
    (deploy / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/mig\n")
    repository(project)
    build(project)
    git(project, "rm", "-q", str(ghost))
    git(project, "commit", "-q", "-m", "no d2")
    assert script.exists()
    compose = project / "compose.yaml"
    plain = compose.read_text()
    ways = (
        "command: alembic -c deploy/alembic.ini upgrade head",
        'command: ["alembic", "--config=/app/deploy/alembic.ini", "upgrade", "head"]',
        'command: sh -c "cd /app && alembic -cdeploy/alembic.ini upgrade head"',
        "command: serve\n    x-migops: {config: deploy/alembic.ini}",
    )
    for way in ways:
        compose.write_text(plain.replace("    build: .\n", f"    build: .\n    {way}\n"))
        found = check(project)
        assert found.json["findings"][0]["subject"] == {"revision": "d2", "path": "versions/d2.py"}, way
    variable = "    environment:\n      ALEMBIC_CONFIG: deploy/alembic.ini\n"
    compose.write_text(plain.replace("    environment:\n", variable))
    assert check(project).rules[0] == "MIG001"


def test_a_configuration_that_the_service_names_and_the_host_lacks(project: Path) -> None:
    compose = project / "compose.yaml"
    command = "build: .\n    command: alembic -c nowhere.ini current\n"
    compose.write_text(compose.read_text().replace("build: .\n", command))
    build(project)
    found = check(project)
    assert found.code == 2
    assert "nowhere.ini" in found.stderr
    assert "x-migops" in found.stderr


def test_the_service_changes_folder_before(project: Path) -> None:
    backend = project / "backend"
    backend.mkdir()
    for name in ("alembic.ini", "migrations", "models.py"):
        (project / name).rename(backend / name)
    compose = project / "compose.yaml"
    start = 'build: .\n    command: sh -c "cd backend && alembic upgrade head"\n'
    compose.write_text(compose.read_text().replace("build: .\n", start))
    build(project)
    found = check(project)
    assert (found.code, found.rules) == (0, []), found.stdout


def test_a_workdir_that_is_not_alembics_folder(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM python:3.11-slim\nWORKDIR /srv\nCOPY . /app\n")
    build(project, "/app", WorkingDir="/srv")
    found = check(project)
    assert (found.code, found.rules) == (0, []), found.stdout
    image = next(place for place in found.json["places"] if place["place"] == "image")
    assert "assuming that Alembic starts in /app" in image["reason"]


def test_an_absolute_script_location_of_the_container(project: Path) -> None:
    set_option(project, "script_location = migrations", "script_location = /app/migrations")
    ghost = revision(project / "migrations/versions/b7.py", "b7", "a94d5e61c8f3")
    repository(project)
    build(project)
    git(project, "rm", "-q", str(ghost))
    git(project, "commit", "-q", "-m", "no b7")
    found = check(project)
    assert found.json["findings"][0]["facts"]["git"] == "deleted"
    host = next(place for place in found.json["places"] if place["place"] == "host")
    assert host["location"] == f"{project}/migrations/versions"


def test_a_broken_configuration_in_the_image_is_not_the_hosts(project: Path, tmp_path: Path) -> None:
    build(project)
    text = (project / "alembic.ini").read_text()
    (project / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n[alembic]\nx = 1\n")
    build(project)
    (project / "alembic.ini").write_text(text)
    found = check(project)
    assert (found.code, found.json["verdict"]) == (3, "unknown")
    assert "image: /app/alembic.ini" in found.json["missing"][0]


class TestABuildActsOnEveryScript:
    def test_no_finding_offers_it_while_one_script_would_be_lost(self, project: Path) -> None:
        repository(project)
        only = revision(project / "migrations/versions/only.py", "only", "a94d5e61c8f3")
        build(project)
        only.unlink()
        revision(project / "migrations/versions/new.py", "new", "a94d5e61c8f3")
        found = check(project)
        assert {"MIG001", "MIG002"} <= set(found.rules)
        commands = [step["command"] for finding in found.json["findings"] for step in finding["remedy"]]
        assert not any("build" in command for command in commands)
        assert "next " not in migops("check-image", "--image", "docker-archive:../app.tar", cwd=project).stdout


class TestCompiledScripts:
    def test_of_the_hosts_scripts_cannot_be_compared(self, project: Path, tmp_path: Path) -> None:
        set_option(project, "prepend_sys_path", "sourceless = true\nprepend_sys_path")
        scripts = sorted((project / "migrations/versions").glob("*.py"))
        compiled = [Member(f"app/migrations/versions/{script.stem}.pyc", b"\x00") for script in scripts]
        (tmp_path / "compiled").mkdir()
        (tmp_path / "compiled/alembic.ini").write_bytes((project / "alembic.ini").read_bytes())
        write_image(tmp_path / "app.tar", {"/app": tmp_path / "compiled"}, *compiled)
        found = check(project)
        assert found.code == 3
        assert "sourceless" in found.json["missing"][0]
        assert not {"MIG004", "MIG005", "MIG306"} & set(found.rules)


class TestPrintedCommands:
    @pytest.mark.parametrize(
        "image", ["sha256:" + "a" * 64, "485770302d73", "app@sha256:" + "b" * 64, "docker-archive:../app.tar"]
    )
    def test_an_id_is_no_name_to_build_under(self, image: str) -> None:
        from migops.target import Wanted
        from migops.target.build import docker_build

        assert docker_build(Wanted(image=image, context=".")) == (".",)

    def test_a_name_is(self) -> None:
        from migops.target import Wanted
        from migops.target.build import docker_build

        assert docker_build(Wanted(image="docker-daemon:app:1", context=".")) == ("-t", "app:1", ".")

    def test_the_hint_to_name_a_service_keeps_the_files(self, project: Path, tmp_path: Path) -> None:
        other = example("two-heads", tmp_path)
        (project / "prod.yml").write_text(f"services:\n  one: {{build: .}}\n  two: {{build: {other}}}\n")
        found = migops("check-image", "-f", "prod.yml", cwd=project)
        assert "migops check-image -f prod.yml one" in found.stderr

    def test_no_copy_means_the_dockerfile_comes_first(self, project: Path, tmp_path: Path) -> None:
        (project / "Dockerfile").write_text("FROM python:3.11-slim\nWORKDIR /app\nCOPY alembic.ini main.py ./\n")
        (tmp_path / "bare").mkdir()
        (tmp_path / "bare/alembic.ini").write_bytes((project / "alembic.ini").read_bytes())
        write_image(tmp_path / "app.tar", {"/app": tmp_path / "bare"})
        found = check(project)
        (missing,) = (finding for finding in found.json["findings"] if finding["rule"] == "MIG004")
        assert missing["remedy"][0]["command"] == []
        assert "Dockerfile" in missing["remedy"][0]["why"]

    def test_without_a_compose_file_the_hint_names_the_other_way(self, tmp_path: Path) -> None:
        assert "--context" in migops("check-image", "--image", "app", cwd=tmp_path).stderr
