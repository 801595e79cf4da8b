"""MIG6 through the whole command: what a service does to the schema when it starts, in image, context and compose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migops import collect
from migops.compose import ComposeOptions
from migops.docker import Engine
from migops.rules import RULES, judge
from migops.rules.application import after_build
from migops.target import Wanted, resolve
from tests.images.build import Member
from tests.kit import Result, example, migops, write_image

SH = '#!/bin/sh\nset -e\nalembic upgrade head\nexec "$@"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The clean example without a database of its own, so that nothing else is found."""
    return example("clean", tmp_path)


def doctor(project: Path, *more: str) -> Result:
    """MIG6 of the project's files alone: what a build would make."""
    return migops("doctor", "--no-engine", "--select", "MIG6", *more, "--format", "json", cwd=project)


def of_image(project: Path, **config: Any) -> Result:
    """MIG6 of an image of the project with this configuration."""
    write_image(project.parent / "app.tar", {"/app": project}, config={"WorkingDir": "/app", **config})
    given = ("--image", "docker-archive:../app.tar", "--database-url", "sqlite:////nowhere/shop.db")
    return migops("doctor", *given, "--select", "MIG6", "--format", "json", cwd=project)


def compose(project: Path, service: str, more: str = "") -> None:
    (project / "compose.yaml").write_text(f"services:\n  app:\n    build: .\n{service}{more}")


def script(project: Path, text: str = SH, name: str = "entrypoint.sh") -> None:
    (project / name).write_text(text)


def dockerfile(project: Path, *lines: str) -> None:
    (project / "Dockerfile").write_text("\n".join(("FROM python:3.11-slim", "WORKDIR /app", "COPY . .", *lines, "")))


def test_the_example(tmp_path: Path) -> None:
    found = doctor(example("migrating-entrypoint", tmp_path))
    assert (found.code, found.rules) == (1, ["MIG603", "MIG602"])
    swallowed, every = found.json["findings"]
    assert every["facts"] | {"file": ""} == {
        "file": "", "line": 2, "place": "host", "text": "alembic upgrade head", "condition": "", "services": ["app"],
    }  # fmt: skip
    assert every["facts"]["file"].endswith("migrating-entrypoint/entrypoint.sh")
    assert every["remedy"][-1]["command"][-4:] == ["--service", "app", "upgrade", "head"]
    assert "no `set -e`" in swallowed["cause"]


def test_clean_is_clean(project: Path) -> None:
    compose(project, "    entrypoint: [python]\n    command: main.py\n")
    found = doctor(project)
    assert (found.code, found.rules, found.json["skipped"]) == (0, [], [])


def test_an_entrypoint_of_the_base_image_is_unknown_and_said(project: Path) -> None:
    (project / "Dockerfile").write_text(
        "FROM registry.example/base:1\nWORKDIR /app\nCOPY . .\n"
        'CMD ["sh", "-c", "alembic upgrade head && python main.py"]\n'
    )
    found = doctor(project)
    assert found.rules == ["MIG602"], "what is known is judged all the same"
    assert "ENTRYPOINT, and the one of the base image registry.example/base:1 was not read" in found.stdout


@pytest.mark.parametrize(
    "base", ["python:3.11-slim", "docker.io/library/python:3.12", "ghcr.io/astral-sh/uv:python3.12"]
)
def test_the_entrypoint_of_a_well_known_base_image_is_known(project: Path, base: str) -> None:
    command = 'CMD ["sh", "-c", "alembic upgrade head && python main.py"]\n'
    (project / "Dockerfile").write_text(f"FROM {base}\nWORKDIR /app\nCOPY . .\n{command}")
    found = doctor(project)
    assert (found.rules, found.json["skipped"]) == (["MIG602"], [])


def test_in_the_image(project: Path) -> None:
    script(project)
    found = of_image(project, Entrypoint=["/app/entrypoint.sh"], Cmd=["python", "main.py"])
    assert found.rules == ["MIG602"]
    assert found.json["findings"][0]["facts"]["file"] == "/app/entrypoint.sh"
    assert found.json["findings"][0]["facts"]["place"] == "image"


def beside_the_image(project: Path) -> Result:
    """MIG6 of the image (the example's, which migrates) and of what `docker build` would make now."""
    url = ("--database-url", "sqlite:////nowhere/shop.db")
    given = ("--image", f"docker-archive:{project.parent}/app.tar", "--context", ".", *url)
    return migops("doctor", *given, "--select", "MIG602", "--format", "json", cwd=project)


def test_image_and_build_say_the_same_once(project: Path) -> None:
    script(project)
    dockerfile(project, 'ENTRYPOINT ["/app/entrypoint.sh"]', 'CMD ["python", "main.py"]')
    of_image(project, Entrypoint=["/app/entrypoint.sh"])
    assert beside_the_image(project).rules == ["MIG602"]


def test_what_the_host_has_mended_needs_a_build(project: Path) -> None:
    script(project)
    dockerfile(project, 'ENTRYPOINT ["/app/entrypoint.sh"]', 'CMD ["python", "main.py"]')
    of_image(project, Entrypoint=["/app/entrypoint.sh"])
    script(project, '#!/bin/sh\nexec "$@"\n')
    (found,) = beside_the_image(project).json["findings"]
    assert found["cause"].endswith("; already fixed on the host")
    assert [step["command"] for step in found["remedy"]] == [["docker", "build", "."]]


def test_what_a_build_would_bring_is_said_before_it_is_built(project: Path) -> None:
    script(project, '#!/bin/sh\nexec "$@"\n')
    dockerfile(project, 'ENTRYPOINT ["/app/entrypoint.sh"]', 'CMD ["python", "main.py"]')
    of_image(project, Entrypoint=["/app/entrypoint.sh"])
    script(project)
    (found,) = beside_the_image(project).json["findings"]
    assert found["message"].endswith("`alembic upgrade head`, after the next build")
    assert found["facts"]["place"] == "host"


def test_a_deploy_goes_by_the_image_that_it_builds(project: Path) -> None:
    script(project)
    dockerfile(project, 'ENTRYPOINT ["/app/entrypoint.sh"]', 'CMD ["python", "main.py"]')
    of_image(project, Entrypoint=["/app/entrypoint.sh"])
    script(project, '#!/bin/sh\nexec "$@"\n')
    wanted = Wanted(image=f"docker-archive:{project.parent}/app.tar", context=".")
    target = resolve(wanted, ComposeOptions(), {}, project)
    evidence = collect.check(target, no_engine, lint=True)
    upgrades = [rule for rule in RULES if rule.id == "MIG602"]
    assert len(judge(upgrades, evidence)[0]) == 1, "the image that runs now does it"
    assert judge(upgrades, after_build(evidence)) == ((), ())


def no_engine() -> Engine:
    raise AssertionError("an archive needs no engine")


def test_a_script_on_the_path_of_the_image(project: Path) -> None:
    write_image(
        project.parent / "app.tar", {"/app": project}, Member("usr/local/bin/start", SH.encode()),
        config={"WorkingDir": "/app", "Entrypoint": ["tini", "--", "entrypoint"]},
    )  # fmt: skip
    given = ("--image", "docker-archive:../app.tar", "--database-url", "sqlite:////nowhere/shop.db")
    found = migops("doctor", *given, "--select", "MIG6", "--format", "json", cwd=project)
    assert [each["reason"] for each in found.json["skipped"]] == ["app: entrypoint was not found"] * 2


def test_the_command_of_the_compose_file_wins(project: Path) -> None:
    dockerfile(project, 'CMD ["sh", "-c", "alembic upgrade head && python main.py"]')
    compose(project, "    entrypoint: []\n    command: python main.py\n")
    assert doctor(project).rules == []
    compose(project, "    entrypoint: []\n    command: sh -c 'alembic upgrade head && python main.py'\n")
    found = doctor(project)
    assert found.rules == ["MIG602"]
    assert found.json["findings"][0]["subject"]["path"].endswith("compose.yaml:5")


def test_a_compose_entrypoint_lets_the_images_cmd_go(project: Path) -> None:
    dockerfile(project, 'CMD ["alembic", "upgrade", "head"]')
    compose(project, "    entrypoint: [env]\n")
    assert doctor(project).rules == []


def test_a_script_that_is_mounted(project: Path) -> None:
    script(project, name="start.sh")
    dockerfile(project, 'ENTRYPOINT ["/start.sh"]')
    compose(project, "    command: python main.py\n    volumes: ['./start.sh:/start.sh:ro']\n")
    assert doctor(project).json["findings"][0]["facts"]["file"] == str(project / "start.sh")


def test_services_that_share_the_image_are_one_finding(project: Path) -> None:
    script(project)
    dockerfile(project, 'ENTRYPOINT ["./entrypoint.sh"]')
    compose(project, "    command: python main.py\n    deploy: {replicas: 3}\n",
            "  worker:\n    build: .\n    command: python worker.py\n")  # fmt: skip
    found = doctor(project)
    assert found.rules == ["MIG602"]
    assert found.json["findings"][0]["message"].startswith("app and worker migrate at every start")
    assert "4 containers start with it" in found.json["findings"][0]["cause"]


@pytest.mark.parametrize(
    ("command", "condition"),
    [
        ("alembic upgrade head", "service_started"),
        ("sh -c 'set -e; alembic upgrade head && echo done'", "service_started"),
        ("sh -c 'alembic upgrade head && python seed.py'", "service_completed_successfully"),
    ],
)
def test_a_service_that_is_there_to_migrate_is_no_finding(project: Path, command: str, condition: str) -> None:
    waits = f"    depends_on: {{migrate: {{condition: {condition}}}}}\n"
    one_shot = f"  migrate:\n    build: .\n    entrypoint: []\n    command: {command}\n"
    compose(project, f"    entrypoint: []\n    command: python main.py\n{waits}", one_shot)
    assert doctor(project, "app").rules == []


@pytest.mark.parametrize(
    ("command", "rules"),
    [
        ("sh -c 'alembic upgrade head || true; exec python main.py'", ["MIG603", "MIG602"]),
        ("sh -c 'alembic upgrade head || alembic stamp head && python main.py'", ["MIG603", "MIG602"]),
        ("sh -c 'flask db upgrade && gunicorn app:app'", ["MIG602"]),
        ("bash -c 'poetry run alembic -c alembic.ini upgrade heads && python main.py'", ["MIG602"]),
        ("sh -c 'python -m alembic upgrade head && python main.py'", ["MIG602"]),
        ("sh -c 'python manage.py db upgrade && python main.py'", ["MIG602"]),
        ("sh -c 'alembic upgrade head --sql && python main.py'", []),
        ("sh -c 'alembic current && python main.py'", []),
        ("echo alembic upgrade head", []),
    ],
)
def test_words_that_migrate(project: Path, command: str, rules: list[str]) -> None:
    compose(project, f"    entrypoint: []\n    command: {command}\n")
    assert doctor(project).rules == rules


PROGRAM = """
import subprocess
from alembic import command
from alembic.config import Config
from fastapi import FastAPI
from contextlib import asynccontextmanager

@asynccontextmanager
async def lifespan(app):
    migrate()
    yield

def migrate():
    command.upgrade(Config("alembic.ini"), "head")

app = FastAPI(lifespan=lifespan)
"""


@pytest.mark.parametrize("command", ["python main.py", "uvicorn main:app", "gunicorn -w 4 -k x.Worker main:app"])
def test_a_program_that_migrates(project: Path, command: str) -> None:
    (project / "main.py").write_text(PROGRAM)
    compose(project, f"    entrypoint: []\n    command: {command}\n")
    found = doctor(project)
    assert found.rules == ["MIG602"]
    assert found.json["findings"][0]["facts"]["line"] == 14


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (PROGRAM.replace("lifespan=lifespan", ""), []),  # nobody calls it
        (PROGRAM.replace("    migrate()\n", "    try:\n        migrate()\n    except ValueError:\n        raise\n"),
         ["MIG602"]),
        ("import subprocess\nsubprocess.run(['alembic', 'upgrade', 'head'], check=True)\n", ["MIG602"]),
        ("import subprocess\nsubprocess.run(['alembic', 'upgrade', 'head'])\n", ["MIG603", "MIG602"]),
        ("from flask_migrate import upgrade\ntry:\n    upgrade()\nexcept Exception as e:\n    print(e)\n",
         ["MIG603", "MIG602"]),
        ("from flask_migrate import upgrade\ntry:\n    upgrade()\nexcept Exception:\n    raise SystemExit(1)\n",
         ["MIG602"]),
        ("def (\n", []),
    ],
)  # fmt: skip
def test_programs(project: Path, text: str, rules: list[str]) -> None:
    (project / "main.py").write_text(text)
    compose(project, "    entrypoint: []\n    command: python main.py\n")
    found = doctor(project)
    assert found.rules == rules
    assert bool(found.json["skipped"]) is (text == "def (\n")


def test_a_password_in_the_command_is_not_shown(project: Path) -> None:
    url = "postgresql://shop:kAn4ry@db/shop"
    compose(project, f"    entrypoint: []\n    command: sh -c 'DATABASE_URL={url} alembic upgrade head; serve {url}'\n")
    found = doctor(project)
    assert found.rules == ["MIG603", "MIG602"]
    assert "kAn4ry" not in found.stdout + found.stderr


def test_what_cannot_be_followed_is_said_and_not_clean(project: Path) -> None:
    compose(project, "    entrypoint: []\n    command: ./gone.sh\n")
    found = doctor(project)
    assert found.json["skipped"] == [
        {"rule": rule, "reason": "app: ./gone.sh was not found"} for rule in ("MIG602", "MIG603")
    ]


CREATES = """\
async def init_db():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
"""


def test_create_all_that_nobody_calls(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src/db.py").write_text(CREATES)
    compose(project, "    entrypoint: [python]\n    command: main.py\n")
    found = doctor(project)
    assert (found.code, found.rules, found.json["skipped"]) == (0, [], [])


def test_create_all_in_another_module(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src/db.py").write_text(CREATES)
    (project / "main.py").write_text("import asyncio\nfrom src.db import init_db\nasyncio.run(init_db())\n")
    compose(project, "    entrypoint: [python]\n    command: main.py\n")
    found = doctor(project)
    assert (found.code, found.rules) == (0, ["MIG601"])
    facts = found.json["findings"][0]["facts"]
    assert (facts["file"], facts["line"], facts["at_start"]) == (str(project / "src/db.py"), 3, True)


def test_create_all_that_the_start_reaches(project: Path) -> None:
    (project / "main.py").write_text("from shop import db\nwith app.app_context():\n    db.create_all()\n")
    compose(project, "    entrypoint: [python]\n    command: main.py\n")
    found = doctor(project)
    assert found.rules == ["MIG601"]
    assert (
        found.json["findings"][0]["message"]
        == "the startup command of app creates tables from the models: `db.create_all()`"
    )


def test_what_the_build_leaves_out_is_not_looked_at(project: Path) -> None:
    (project / "scratch.py").write_text("metadata.create_all(engine)\n")
    (project / ".dockerignore").write_text("scratch.py\n")
    compose(project, "    entrypoint: [python]\n    command: main.py\n")
    assert doctor(project).rules == []


def test_a_command_that_does_not_read_it_says_so(project: Path) -> None:
    found = migops("check-image", "--no-engine", "--select", "MIG6", cwd=project)
    assert (found.code, found.stdout) == (2, "")
    assert "migops doctor --select MIG6" in found.stderr
    status = migops("check-image", "--no-engine", "--select", "MIG402", cwd=project)
    assert "migops status --select MIG402" in status.stderr


@pytest.mark.parametrize(
    "more",
    ["    command: uvicorn --app-dir src main:app\n", "    command: gunicorn --chdir=src main:app\n",
     "    command: python -m main\n    environment: {PYTHONPATH: /app/src}\n"],
)  # fmt: skip
def test_a_module_in_another_folder(project: Path, more: str) -> None:
    (project / "src").mkdir()
    (project / "src/main.py").write_text(PROGRAM)
    (project / "main.py").unlink()
    compose(project, f"    entrypoint: []\n{more}")
    assert doctor(project).rules == ["MIG602"]


def test_a_script_under_a_volume_is_unknown(project: Path) -> None:
    script(project)
    compose(project, "    entrypoint: [./entrypoint.sh]\n    volumes: ['code:/app']\n", "volumes: {code: }\n")
    found = doctor(project)
    assert found.rules == []
    assert "a volume is mounted over /app" in found.json["skipped"][0]["reason"]
