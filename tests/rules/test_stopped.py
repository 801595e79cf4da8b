"""MIG212, MIG805 and MIG806: what containers that do not stay up are reported as, and what is no finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migops import collect
from migops.analysis.evidence import Evidence
from migops.compose import ComposeOptions
from migops.core.model import Finding, Severity, Skipped, Unknown
from migops.rules import judge
from migops.rules.stopped import RULES
from migops.sources.stopped import Stopped, last_error
from migops.target import Wanted, resolve
from tests.cases.shop import Shop

COMPOSE = (
    "name: shop\nservices:\n  app:\n    build: .\n    depends_on: [db]\n  db:\n    image: {image}\n"
    "  other:\n    image: postgres:15\n"
)
APP = Stopped("shop-app-1", "app", "restarting", code=1, restarts=7, error="ImportError: no module")
DB = Stopped("shop-db-1", "db", "exited", is_server=True, code=1, error="FATAL: no space", data_version="15",
             image_version="15")  # fmt: skip
UP = replace(DB, state="running", is_down=False, code=None, error="")


def judged(
    tmp_path: Path, *stopped: Stopped, image: str = "postgres:15", unknown: str = ""
) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    return judge(RULES, replace(evidence(tmp_path, image), stopped=Unknown(unknown) if unknown else stopped))


def evidence(tmp_path: Path, image: str) -> Evidence:
    shop = Shop.at(tmp_path).line("a1").write("compose.yaml", COMPOSE.format(image=image))
    target = resolve(Wanted(service="app"), ComposeOptions(), {}, shop.folder)
    return collect.check(target, None, lint=True)


def rules(found: tuple[Finding, ...]) -> list[str]:
    return [each.rule for each in found]


def test_a_container_that_restarts(tmp_path: Path) -> None:
    ((found,), skipped) = judged(tmp_path, APP)
    assert (found.rule, found.severity, skipped) == ("MIG212", Severity.ERROR, ())
    assert found.message == "shop-app-1 restarts again and again (7 times so far; it last ended with exit code 1)"
    assert found.cause == "the last error in its log: ImportError: no module"
    look, up = (step.command for step in found.remedy)
    assert look[-4:] == ("logs", "--tail", "50", "app")
    assert up[-4:] == ("up", "-d", "--no-deps", "app")


@pytest.mark.parametrize(
    ("container", "found"),
    [
        (replace(APP, state="exited", restarts=0), ["MIG212"]),
        (replace(APP, state="exited", code=0), []),
        (replace(APP, state="exited", code=143), []),
        (replace(APP, state="exited", code=137), []),
        (replace(APP, state="exited", code=137, out_of_memory=True), ["MIG212"]),
        (replace(APP, state="created", code=127), ["MIG212"]),
        (DB, ["MIG805"]),
        (replace(DB, code=0, error=""), []),  # with the rest of the project
        (replace(DB, service="other", name="shop-other-1"), []),  # another application's
        (UP, []),
    ],
)
def test_what_is_a_finding(tmp_path: Path, container: Stopped, found: list[str]) -> None:
    assert rules(judged(tmp_path, container)[0]) == found


def test_a_server_that_the_project_builds(tmp_path: Path) -> None:
    assert rules(judged(tmp_path, DB, image="shop-db\n    build: ./db")[0]) == ["MIG805"]


def test_a_server_that_somebody_stopped_while_the_application_runs(tmp_path: Path) -> None:
    from tests.rules.made import container

    read = replace(evidence(tmp_path, "postgres:15"), stopped=(replace(DB, code=0, error=""),),
                   containers=(container({}),))  # fmt: skip
    (found,), _ = judge(RULES, read)
    assert (found.rule, found.severity) == ("MIG805", Severity.WARNING)
    assert found.cause == "its log has no fatal error, so somebody stopped it"
    assert [step.command[-1] for step in found.remedy] == ["db"]


def test_data_of_an_older_version(tmp_path: Path) -> None:
    fatal = "FATAL:  database files are incompatible with server"
    found, _ = judged(tmp_path, replace(DB, error=fatal, data_version="14"))
    assert rules(found) == ["MIG805", "MIG806"]
    assert fatal in found[0].cause
    assert "see MIG806" in found[0].remedy[-1].why
    assert found[1].message == "the data of db is of PostgreSQL 14, and its image is PostgreSQL 15"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("postgres:16", ["MIG806"]),
        ("postgres:16.2-alpine", ["MIG806"]),
        ("registry.example/postgis/postgis:14-3.4", ["MIG806"]),
        ("pgvector/pgvector:pg17", ["MIG806"]),
        ("timescale/timescaledb:2.11.0-pg14", ["MIG806"]),
        ("timescale/timescaledb:2.11.0-pg15", []),
        ("postgres:15.4", []),
        ("postgres:latest", []),
        ("postgres", []),
    ],
)  # fmt: skip
def test_the_image_of_the_compose_file(tmp_path: Path, image: str, found: list[str]) -> None:
    assert rules(judged(tmp_path, UP, image=image)[0]) == found


def test_containers_that_could_not_be_read_are_not_checked(tmp_path: Path) -> None:
    found, skipped = judged(tmp_path, unknown="Docker was silent")
    assert (found, [each.rule for each in skipped]) == ((), ["MIG212", "MIG805", "MIG806"])


@pytest.mark.parametrize(
    ("lines", "is_server", "error"),
    [
        (["LOG:  starting", "FATAL:  database files are incompatible with server", "LOG:  system is shut down"],
         True, "FATAL:  database files are incompatible with server"),
        (['FATAL:  password authentication failed for user "x"', "FATAL:  the database system is starting up",
          "FATAL:  terminating connection due to administrator command", "LOG:  shut down"], True, ""),
        (['ERROR:  relation "a" does not exist', "LOG:  shut down"], True, ""),
        (["Error: Database is uninitialized and superuser password is not specified.", "   You must specify it"],
         True, "Error: Database is uninitialized and superuser password is not specified."),
        (["Traceback (most recent call last):", '    raise ValueError("x")', "ValueError: x",
          "ERROR:    Application startup failed. Exiting."], False, "ValueError: x"),
        (["FAILED: Can't locate revision identified by 'b2'"], False,
         "FAILED: Can't locate revision identified by 'b2'"),
        (["./start.sh: line 3: alembic: not found"], False, "./start.sh: line 3: alembic: not found"),
        (["bye", ""], False, "bye"),
        # pydantic 2 and 1; the values that they print are never repeated
        (["pydantic_core.ValidationError: 2 validation errors for Settings", "SECRET_KEY",
          "  Field required [type=missing, input_value={'debug': 'hunter2'}, input_type=dict]",
          "    For further information visit https://errors.pydantic.dev/2.7/v/missing", "database.url",
          "  Field required [type=missing, input_value={}, input_type=dict]"], False,
         "pydantic_core.ValidationError: 2 validation errors for Settings: no value for SECRET_KEY, database.url"),
        (["pydantic.error_wrappers.ValidationError: 1 validation error for Settings", "SECRET_KEY",
          "  field required (type=value_error.missing)"], False,
         "pydantic.error_wrappers.ValidationError: 1 validation error for Settings: no value for SECRET_KEY"),
        (["pydantic_core.ValidationError: 1 validation error for Settings", "PORT",
          "  Input should be a valid integer [type=int_parsing, input_value='hunter2', input_type=str]"], False,
         "pydantic_core.ValidationError: 1 validation error for Settings"),
        ([], False, ""),
    ],
)  # fmt: skip
def test_the_last_error_of_a_log(lines: list[str], is_server: bool, error: str) -> None:
    assert last_error(lines, is_server) == error


class TestMountMissing:
    @pytest.mark.parametrize(
        ("app", "worker", "found"),
        [
            ("['./:/app']", "", True),
            ("['./migrations:/app/migrations']", "", True),
            ("['./:/app']", "['cache:/app/cache']", True),
            ("['./:/app']", "['./:/srv']", False),
            ("['./static:/app/static', 'cache:/app/cache']", "", False),
            ("['cache:/app/migrations']", "", False),
            ("", "", False),
        ],
    )
    def test_it(self, tmp_path: Path, app: str, worker: str, found: bool) -> None:
        shop = Shop.at(tmp_path).line("a1")

        def service(name: str, volumes: str) -> str:
            return f"  {name}:\n    build: .\n    image: shop\n" + (f"    volumes: {volumes}\n" if volumes else "")

        text = f"services:\n{service('app', app)}{service('worker', worker)}  db:\n    image: postgres:15\n"
        shop.write("compose.yaml", f"{text}volumes: {{cache: {{}}}}\n")
        answer = shop.doctor("app", "--select", "MIG807")
        assert [each.name for each in answer.said] == ["MIG807"] * found
        if found:
            assert "worker has the image's migrations, and app the host's" in answer.of("MIG807").text

    @pytest.mark.parametrize(
        ("start", "severity"), [("alembic upgrade head", "warning"), ("python worker.py", "info")]
    )  # fmt: skip
    def test_it_is_a_warning_where_the_one_without_it_migrates(self, tmp_path: Path, start: str, severity: str) -> None:
        service = "  {}:\n    build: .\n    entrypoint: []\n    image: shop\n"
        mounts = service.format("app") + "    command: python main.py\n    volumes: ['./:/app']\n"
        text = f"services:\n{mounts}{service.format('other')}    command: {start}\n"
        shop = Shop.at(tmp_path).line("a1").write("compose.yaml", text)
        (found,) = shop.run("doctor", "app", "--no-engine", "--select", "MIG807").json["findings"]
        assert found["severity"] == severity


@pytest.mark.parametrize(
    ("image", "found"),
    [("postgres:9.6.24-alpine", []), ("postgis/postgis:9.6-3.2", []), ("postgres:9", []), ("postgres:9.5", ["MIG806"])],
)
def test_before_10_two_numbers_are_the_major_version(tmp_path: Path, image: str, found: list[str]) -> None:
    old = replace(UP, data_version="9.6", image_version="9.6")
    assert rules(judged(tmp_path, old, image=image)[0]) == found
