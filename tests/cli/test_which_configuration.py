"""Alembic in the container reads another configuration than alembic.ini: followed, or unknown, and never clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.images.build import Member
from tests.kit import Result, example, migops, write_image

FIRST = "revision = 'o1'\ndown_revision = None\n"
GHOST = "revision = 'o2'\ndown_revision = 'o1'\n"
APP = "    build: .\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return example("clean", tmp_path)


def build(project: Path, *extra: Member, **config: Any) -> None:
    write_image(project.parent / "app.tar", {"/app": project}, *extra, config={"WorkingDir": "/app", **config})


def old(folder: str = "opt/release", ini: str = "alembic.ini", text: str = "") -> tuple[Member, ...]:
    """An old copy in the image, which the build's RUN made: a ghost in it."""
    location = f"/{folder}/m"
    return (
        Member(f"{folder}/{ini}", (text or f"[alembic]\nscript_location = {location}\n").encode()),
        Member(f"{folder}/m/env.py", b""),
        Member(f"{folder}/m/versions/o1.py", FIRST.encode()),
        Member(f"{folder}/m/versions/o2.py", GHOST.encode()),
    )


def check(project: Path, *more: str, command: str = "check-image") -> Result:
    return migops(command, "--image", "docker-archive:../app.tar", *more, "--format", "json", cwd=project)


def service(project: Path, *lines: str) -> None:
    """More lines under the service of the compose file."""
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace(APP, APP + "".join(f"    {line}\n" for line in lines), 1))


def variable(project: Path, name: str, value: str) -> None:
    compose = project / "compose.yaml"
    text = compose.read_text()
    compose.write_text(text.replace("    environment:\n", f"    environment:\n      {name}: {value}\n", 1))


def place(found: Result, name: str = "image") -> dict[str, Any]:
    return next(each for each in found.json["places"] if each["place"] == name)


class TestAlembicConfig:
    def test_env_of_the_image_leads_to_an_old_copy(self, project: Path) -> None:
        build(project, *old(), Env=["ALEMBIC_CONFIG=/opt/release/alembic.ini"])
        found = check(project)
        assert found.code == 1
        assert place(found)["location"] == "/opt/release/m/versions"
        assert "MIG001" in found.rules
        without = check(project, "--context", ".")
        assert (without.code, place(without)["heads"]) == (1, ["o2"])
        assert check(project, command="status").json["places"] != []
        status = check(project, command="status")
        assert "MIG001" in status.rules

    def test_of_the_dockerfile_leads_to_another_file_of_the_host(self, project: Path) -> None:
        """The host's copy of that file is what is compared: two configurations that are both fresh are clean."""
        (project / "deploy/mig/versions").mkdir(parents=True)
        (project / "deploy/mig/env.py").write_text("")
        (project / "deploy/mig/versions/o1.py").write_text(FIRST)
        (project / "deploy/prod.ini").write_text("[alembic]\nscript_location = %(here)s/mig\n")
        with (project / "Dockerfile").open("a") as file:
            file.write("ENV ALEMBIC_CONFIG=/app/deploy/prod.ini\n")
        build(project, Env=["ALEMBIC_CONFIG=/app/deploy/prod.ini"])
        found = check(project)
        assert (found.code, found.rules) == (0, []), found.stdout
        assert place(found, "host")["location"] == f"{project}/deploy/mig/versions"
        build(project, Member("app/deploy/mig/versions/o2.py", GHOST.encode()), Env=["ALEMBIC_CONFIG=deploy/prod.ini"])
        assert "MIG001" in check(project).rules

    def test_one_that_is_not_there_is_unknown(self, project: Path) -> None:
        build(project, Env=["ALEMBIC_CONFIG=/nowhere/alembic.ini"])
        found = check(project)
        assert (found.code, found.json["verdict"]) == (3, "unknown")
        assert "ALEMBIC_CONFIG=/nowhere/alembic.ini" in place(found)["reason"]

    def test_an_empty_one_is_none(self, project: Path) -> None:
        build(project, Env=["ALEMBIC_CONFIG="])
        assert check(project).code == 0

    def test_the_plain_one_said_again_is_no_other(self, project: Path) -> None:
        build(project, Env=["ALEMBIC_CONFIG=/app/alembic.ini"], Cmd=["alembic", "-c", "alembic.ini", "upgrade", "head"])
        found = check(project)
        assert (found.code, found.rules) == (0, []), found.stdout

    def test_the_service_unsets_what_the_image_says(self, project: Path) -> None:
        variable(project, "ALEMBIC_CONFIG", "''")
        build(project, *old(), Env=["ALEMBIC_CONFIG=/opt/release/alembic.ini"])
        assert check(project).code == 0


OTHER = "/opt/release/other.ini"
STARTS: dict[str, dict[str, list[str]]] = {
    "-c": {"Cmd": ["alembic", "-c", OTHER, "upgrade", "head"]},
    "--config=": {"Cmd": ["alembic", f"--config={OTHER}", "upgrade", "head"]},
    "--config": {"Cmd": ["alembic", "--raiseerr", "--config", OTHER, "upgrade", "head"]},
    "-cFILE": {"Cmd": ["alembic", f"-c{OTHER}", "upgrade", "head"]},
    "in a shell": {"Cmd": ["sh", "-c", f"alembic -c {OTHER} upgrade head && python main.py"]},
    "in the entrypoint": {"Entrypoint": ["/bin/sh", "-c", f"alembic -c {OTHER} upgrade head; exec serve"], "Cmd": []},
    "a variable before it": {"Cmd": ["sh", "-c", f"ALEMBIC_CONFIG={OTHER} alembic upgrade head"]},
    "by env": {"Cmd": ["env", f"ALEMBIC_CONFIG={OTHER}", "alembic", "upgrade", "head"]},
    "exported": {"Cmd": ["sh", "-c", f"export ALEMBIC_CONFIG={OTHER}\nalembic upgrade head\npython main.py"]},
    "as a module": {"Cmd": ["python", "-m", "alembic", "-c", OTHER, "upgrade", "head"]},
    "as its configuration module": {"Cmd": ["python", "-m", "alembic.config", "-c", OTHER, "upgrade", "head"]},
    "by poetry": {"Cmd": ["poetry", "run", "alembic", "-c", OTHER, "upgrade", "head"]},
    "a variable of the container": {
        "Cmd": ["sh", "-c", "alembic -c $RELEASE/other.ini upgrade head"], "Env": ["RELEASE=/opt/release"],
    },
    "a default": {"Cmd": ["sh", "-c", f"alembic -c ${{INI:-{OTHER}}} upgrade head"]},
    "past tini": {"Entrypoint": ["tini", "--"], "Cmd": ["alembic", "-c", OTHER, "upgrade", "head"]},
    "after a cd": {"Cmd": ["sh", "-c", "cd /opt/release && alembic -c other.ini upgrade head"]},
}  # fmt: skip


@pytest.mark.parametrize("way", STARTS)
def test_the_start_of_the_image_names_another_file(project: Path, way: str) -> None:
    build(project, *old(ini="other.ini"), **STARTS[way])
    found = check(project)
    assert found.code == 1, found.stdout
    assert place(found)["location"] == "/opt/release/m/versions"
    assert "MIG001" in found.rules


def test_a_script_of_the_image_names_another_file(project: Path) -> None:
    script = f'#!/bin/sh\nset -e\ncd "$(dirname "$0")"\nalembic -c {OTHER} upgrade head\nexec "$@"\n'
    start = Member("app/entrypoint.sh", script.encode())
    build(project, *old(ini="other.ini"), start, Entrypoint=["/app/entrypoint.sh"], Cmd=["python", "main.py"])
    found = check(project)
    assert (found.code, place(found)["location"]) == (1, "/opt/release/m/versions")


def test_a_script_that_calls_it_plainly_is_clean(project: Path) -> None:
    script = '#!/bin/sh\nset -e\ncd "$(dirname "$0")"\nalembic upgrade head\nexec "$@"\n'
    build(project, Member("app/entrypoint.sh", script.encode()), Entrypoint=["./entrypoint.sh"], Cmd=["serve"])
    found = check(project)
    assert (found.code, found.rules) == (0, []), found.stdout


def test_a_file_that_only_the_running_start_knows_is_unknown(project: Path) -> None:
    build(project, Cmd=["sh", "-c", "alembic -c $(cat /run/which) upgrade head"])
    found = check(project)
    assert (found.code, found.json["verdict"]) == (3, "unknown")
    assert "$(cat /run/which)" in place(found)["reason"]


def test_another_section(project: Path) -> None:
    ini = project / "alembic.ini"
    ini.write_text(ini.read_text() + "\n[old]\nscript_location = /opt/release/m\n")
    build(project, *old(), Cmd=["alembic", "-n", "old", "upgrade", "head"])
    assert check(project).code == 1
    build(project, *old(), Cmd=["alembic", "--name=old", "upgrade", "head"])
    assert check(project).code == 1


def test_start_and_what_is_typed_read_two_folders(project: Path) -> None:
    """The start reads the host's file; a plain `alembic` reads a stale one that a RUN has left in the work folder."""
    backend = project / "backend"
    backend.mkdir()
    for name in ("alembic.ini", "migrations", "models.py"):
        (project / name).rename(backend / name)
    start = ["sh", "-c", "cd backend && alembic upgrade head && python main.py"]
    build(project, Cmd=start)
    found = check(project)
    assert (found.code, found.rules) == (0, []), found.stdout
    build(project, *old(), *old("app"), Cmd=start)
    found = check(project)
    assert (found.code, found.rules) == (1, ["MIG211"]), found.stdout
    assert "/app/alembic.ini" in found.json["findings"][0]["message"]
    assert check(project, "--config", "backend/alembic.ini").rules == ["MIG211"], "whatever is said of the host"


def test_the_working_directory_of_the_service(project: Path) -> None:
    service(project, "working_dir: /opt/release")
    build(project, *old())
    found = check(project)
    assert found.code == 1
    assert {"MIG001", "MIG211"} & set(found.rules)


def test_the_folder_that_flask_migrate_is_told(project: Path) -> None:
    (project / "alembic.ini").rename(project / "migrations/alembic.ini")
    ini = project / "migrations/alembic.ini"
    ini.write_text(ini.read_text().replace("script_location = migrations\n", ""))
    build(project, Cmd=["flask", "db", "upgrade"])
    assert check(project).code == 0
    build(project, Cmd=["flask", "db", "upgrade", "-d", "migrations"])
    found = check(project)
    assert (found.code, found.rules) == (0, []), found.stdout
    there = (
        Member("opt/m/alembic.ini", b"[alembic]\n"), Member("opt/m/env.py", b""),
        Member("opt/m/versions/o1.py", FIRST.encode()),
    )  # fmt: skip
    build(project, *there, Cmd=["sh", "-c", "flask db upgrade --directory /opt/m && gunicorn shop:app"])
    found = check(project)
    assert (found.code, place(found)["location"]) == (1, "/opt/m/versions")


class TestTwoFiles:
    def test_an_ini_that_is_left_beside_pyproject(self, project: Path) -> None:
        (project / "alembic.ini").unlink()
        (project / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "migrations"\n')
        build(project)
        assert check(project).code == 0
        build(project, *old("app"))
        found = check(project)
        assert found.code == 1
        assert place(found)["location"] == "/app/m/versions", "the ini wins over pyproject.toml"


class TestPackages:
    """``script_location = package:folder``: the copy that Python takes."""

    SITE = "usr/local/lib/python3.11/site-packages"
    PROGRAM = (
        Member("usr/local/bin/alembic", b"#!/usr/local/bin/python3.11\nfrom alembic.config import main\n"),
        Member(f"{SITE}/alembic/__init__.py", b""),
    )

    def package(self, project: Path, prepend: str = "") -> None:
        (project / "shop").mkdir()
        (project / "shop/__init__.py").write_text("")
        (project / "migrations").rename(project / "shop/migrations")
        ini = project / "alembic.ini"
        text = ini.read_text().replace("script_location = migrations", "script_location = shop:migrations")
        ini.write_text(text.replace("prepend_sys_path = .", prepend))

    def installed(self, project: Path, folder: str, *, stale: bool = True, init: bool = True) -> list[Member]:
        """The package in a folder of the image."""
        there = [Member(f"{folder}/shop/__init__.py", b"")] if init else []
        for file in sorted((project / "shop/migrations").rglob("*.py")):
            there.append(Member(f"{folder}/shop/{file.relative_to(project / 'shop').as_posix()}", file.read_bytes()))
        ghost = Member(f"{folder}/shop/migrations/versions/o2.py", GHOST.replace("'o1'", "'a94d5e61c8f3'").encode())
        return [*there, ghost] if stale else there

    def heads(self, found: Result) -> list[str]:
        return list(place(found)["heads"])

    def test_installed_packages_come_first(self, project: Path) -> None:
        self.package(project)
        build(project, *self.PROGRAM, *self.installed(project, self.SITE))
        found = check(project)
        assert (found.code, self.heads(found)) == (1, ["o2"])
        assert place(found)["location"] == f"/{self.SITE}/shop/migrations/versions"

    def test_prepend_sys_path_comes_before(self, project: Path) -> None:
        self.package(project, "prepend_sys_path = .")
        build(project, *self.PROGRAM, *self.installed(project, self.SITE))
        assert check(project).code == 0

    def test_pythonpath_comes_before(self, project: Path) -> None:
        self.package(project)
        build(project, *self.PROGRAM, *self.installed(project, self.SITE), Env=["PYTHONPATH=/app"])
        assert check(project).code == 0
        build(project, *self.PROGRAM, *self.installed(project, "opt/old"), Env=["PYTHONPATH=/opt/old:/app"])
        assert self.heads(check(project)) == ["o2"]

    def test_an_editable_install(self, project: Path) -> None:
        self.package(project)
        link = Member(f"{self.SITE}/_shop.pth", b"/app\n")
        build(project, *self.PROGRAM, link)
        assert check(project).code == 0
        link = Member(f"{self.SITE}/_shop.pth", b"# a note\nimport sys\n/opt/old\n/app\n")
        build(project, *self.PROGRAM, link, *self.installed(project, "opt/old"))
        assert self.heads(check(project)) == ["o2"]

    def test_an_editable_install_by_a_finder(self, project: Path) -> None:
        self.package(project)
        name = "__editable___shop_1_0_finder"
        build(
            project, *self.PROGRAM,
            Member(f"{self.SITE}/__editable__.shop-1.0.pth", f"import {name}; {name}.install()\n".encode()),
            Member(f"{self.SITE}/{name}.py", b"MAPPING: dict[str, str] = {'shop': '/app/shop'}\n"),
        )  # fmt: skip
        assert check(project).code == 0

    def test_a_virtual_environment(self, project: Path) -> None:
        self.package(project)
        site = "opt/venv/lib/python3.12/site-packages"
        venv = (
            Member("opt/venv/bin/alembic", b"#!/opt/venv/bin/python\n"),
            Member("opt/venv/pyvenv.cfg", b"home = /usr/local/bin\nversion = 3.12.1\n"),
            Member(f"{site}/alembic/__init__.py", b""),
        )
        build(project, *venv, *self.installed(project, site), Env=["PATH=/opt/venv/bin:/usr/bin"])
        assert self.heads(check(project)) == ["o2"]

    def test_a_folder_without_init_gives_way_to_a_package(self, project: Path) -> None:
        self.package(project)
        (project / "shop/__init__.py").unlink()
        build(project, *self.PROGRAM, *self.installed(project, self.SITE), Env=["PYTHONPATH=/app"])
        assert self.heads(check(project)) == ["o2"], "a regular package wins over a namespace that comes before it"
        build(project, *self.PROGRAM, Env=["PYTHONPATH=/app"])
        assert check(project).code == 0

    def test_the_module_has_the_working_directory(self, project: Path) -> None:
        self.package(project)
        start = ["python", "-m", "alembic", "upgrade", "head"]
        build(project, *self.PROGRAM, *self.installed(project, self.SITE), Cmd=start)
        found = check(project)
        assert found.code == 1, "what is typed reads the stale copy, though the start does not"
        build(project, *self.PROGRAM, *self.installed(project, self.SITE, stale=False), Cmd=start)
        assert check(project).code == 0

    def test_what_python_would_not_find_is_unknown(self, project: Path) -> None:
        self.package(project)
        build(project, *self.PROGRAM)
        found = check(project)
        assert (found.code, found.json["verdict"]) == (3, "unknown")
        assert "would not find it" in place(found)["reason"]
        build(project)
        found = check(project)
        assert found.code == 3
        assert "no program `alembic`" in place(found)["reason"]


class TestEnvPy:
    @pytest.mark.parametrize(
        "line",
        [
            "config.set_main_option('version_locations', os.environ['VERSIONS'])",
            "config.set_main_option('script_location', str(here / 'old'))",
            "config.set_main_option(name='version_locations', value=where())",
            "config.set_section_option('alembic', 'version_locations', where())",
            "context.script.version_locations = [where()]",
            "context.script.version_locations += ['/opt/old']",
            "config.file_config['alembic']['version_locations'] = '/opt/old'",
            "config.set_main_option('version_locations', '/opt/old')",
        ],
    )
    def test_that_chooses_the_folders_is_unknown(self, project: Path, line: str) -> None:
        env = project / "migrations/env.py"
        env.write_text(env.read_text() + f"\n{line}\n")
        build(project)
        found = check(project)
        assert (found.code, found.json["verdict"]) == (3, "unknown"), found.stdout
        assert line in place(found)["reason"]
        assert "MIG001" in {each["rule"] for each in found.json["skipped"]}

    @pytest.mark.parametrize(
        "line",
        [
            "config.set_main_option('sqlalchemy.url', 'sqlite://')",
            "config.set_section_option('alembic', 'sqlalchemy.url', where())",
            "config.set_main_option('script_location', 'migrations')",
            "here = config.get_main_option('script_location')",
            "print(context.script.version_locations)",
            "# config.set_main_option('version_locations', x)",
        ],
    )
    def test_that_does_not_is_clean(self, project: Path, line: str) -> None:
        env = project / "migrations/env.py"
        env.write_text(env.read_text() + f"\n{line}\n")
        build(project)
        found = check(project)
        assert (found.code, found.rules) == (0, []), found.stdout


class TestWhatComposeLaysOver:
    """Before there is a container: what the next one will see."""

    @pytest.mark.parametrize(
        "line",
        [
            "tmpfs: /app/migrations/versions",
            "tmpfs: ['/app/migrations:size=1m,mode=1777']",
            "tmpfs: [/app]",
            "volumes: [{type: tmpfs, target: /app/migrations/versions/}]",
            "volumes: [{type: tmpfs, target: /app, tmpfs: {size: 1m}}]",
        ],
    )
    def test_a_tmpfs(self, project: Path, line: str) -> None:
        service(project, line)
        build(project)
        for command in ("check-image", "status"):
            found = check(project, command=command)
            assert found.rules.count("MIG209") == 1, found.stdout
            told = next(each for each in found.json["findings"] if each["rule"] == "MIG209")
            assert f"{project}/compose.yaml:4" in told["remedy"][0]["why"]
        assert check(project).code == 1

    @pytest.mark.parametrize(
        "line", ["tmpfs: [/run, /app/migrations/versions/__pycache__, /application]", "tmpfs: /tmp"]
    )
    def test_a_tmpfs_elsewhere(self, project: Path, line: str) -> None:
        service(project, line)
        build(project)
        assert check(project).code == 0

    def test_the_ini_alone(self, project: Path) -> None:
        other = project.parent / "prod.ini"
        other.write_text("[alembic]\nscript_location = /opt/release/m\n")
        service(project, f"volumes: ['{other}:/app/alembic.ini:ro']")
        build(project, *old())
        found = check(project)
        assert (found.code, found.rules) == (1, ["MIG210"])
        other.write_bytes((project / "alembic.ini").read_bytes())
        assert check(project).code == 0

    @pytest.mark.parametrize("kind", ["configs", "secrets"])
    def test_a_config_or_secret_over_the_ini(self, project: Path, kind: str) -> None:
        (project.parent / "prod.ini").write_text("[alembic]\nscript_location = /opt/release/m\n")
        service(project, f"{kind}: [{{source: ini, target: /app/alembic.ini}}]")
        with (project / "compose.yaml").open("a") as file:
            file.write(f"\n{kind}:\n  ini:\n    file: {project.parent}/prod.ini\n")
        build(project, *old())
        assert check(project).rules == ["MIG210"]

    def test_a_config_of_the_compose_file_itself(self, project: Path) -> None:
        service(project, "configs: [{source: ini, target: /app/alembic.ini}]")
        with (project / "compose.yaml").open("a") as file:
            file.write("\nconfigs:\n  ini:\n    content: |\n      [alembic]\n      script_location = /opt/release/m\n")
        build(project, *old())
        assert check(project).rules == ["MIG210"]

    def test_one_script(self, project: Path) -> None:
        other = project.parent / "x.py"
        other.write_text(GHOST)
        service(project, f"volumes: ['{other}:/app/migrations/versions/x.py']")
        build(project)
        assert check(project).rules == ["MIG210"]

    @pytest.mark.parametrize(
        "mount", [".:/app", "./migrations:/app/migrations", "./migrations/versions:/app/migrations/versions"]
    )
    def test_the_host_s_own_folder_is_clean(self, project: Path, mount: str) -> None:
        service(project, f"volumes: ['{mount}']")
        build(project)
        found = check(project)
        assert (found.code, found.rules) == (0, []), found.stdout
