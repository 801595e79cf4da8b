"""The database place: which URL is meant, how its server is reached, what is read there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migops.compose import ComposeOptions, Project, load
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Absent, Unknown
from migops.database import parse_url
from migops.migrations.config import parse_config
from migops.migrations.version_table import VersionTable, version_table
from migops.sources import database
from migops.sources.database import Reached, ask, find_url, reach
from migops.sources.database_address import Address, file_address, server_address
from migops.sources.database_question import Question
from migops.sources.database_state import SETTINGS, DatabaseState
from migops.sources.database_url import Sought

SECRET = "kAn4ry-s3cret"
NOTHING = dict.fromkeys(SETTINGS, "")


def project(folder: Path, text: str) -> Project:
    (folder / "compose.yaml").write_text(text)
    return load(ComposeOptions(), environment={}, cwd=str(folder))


def asked(found: Project, env_py: str = "", ini: str = "", **settings: str) -> Question:
    configs = {"host": parse_config(f"[alembic]\n{ini}\n", "/app/alembic.ini")}
    given = {**NOTHING, **{key.replace("_", "-"): value for key, value in settings.items()}}
    return Question(project=found, service=found.services["app"], settings=given, configs=configs, env_py=env_py)


def sought(found: Sought | Unknown) -> Sought:
    assert isinstance(found, Sought), found
    return found


APP = "services:\n  app:\n    image: app\n    environment:\n"


def test_the_usual_variable_and_its_line(tmp_path: Path) -> None:
    found = sought(
        find_url(asked(project(tmp_path, f"{APP}      X: y\n      DATABASE_URL: postgresql://u:{SECRET}@db/d\n")))
    )
    assert found.text == f"postgresql://u:{SECRET}@db/d"
    assert found.origin == f"DATABASE_URL, {tmp_path}/compose.yaml:6"
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("scheme", "settings", "options"),
    [
        ("postgresql", {}, "-c search_path=shop"),
        ("postgresql+psycopg2", {}, "-c search_path=shop"),
        ("postgresql+asyncpg", {}, None),  # it does not read libpq's variables
        ("postgresql", {"database_url": "postgresql://u@10.0.0.1/d"}, None),  # a way of its own
    ],
)
def test_the_services_search_path_is_that_of_our_sessions(
    tmp_path: Path, scheme: str, settings: dict[str, str], options: str | None
) -> None:
    """Else the rows would be read from the version table of another schema than Alembic's."""
    text = f"{APP}      DATABASE_URL: {scheme}://u@10.0.0.1/d\n"
    question = replace(asked(project(tmp_path, text), **settings), image_env={"PGOPTIONS": "-c search_path=shop"})
    found = reach(question)
    assert isinstance(found, Reached), found
    assert found.url.url.query.get("options") == options
    assert question.variable("PGOPTIONS") == "-c search_path=shop", "set in the image, and not lost"


def test_a_variable_from_an_env_file(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("# secrets\nDB_DSN=postgresql+asyncpg://u:p@db/d\n")
    found = sought(find_url(asked(project(tmp_path, "services:\n  app:\n    image: app\n    env_file: app.env\n"))))
    assert found.text == "postgresql+asyncpg://u:p@db/d"
    assert found.origin.startswith("DB_DSN, ")


def test_a_redis_url_is_no_database(tmp_path: Path) -> None:
    found = find_url(asked(project(tmp_path, f"{APP}      CACHE_URL: redis://r/0\n")))
    assert isinstance(found, Unknown)
    assert "database-env" in found.hint


def test_of_several_the_one_that_env_py_names(tmp_path: Path) -> None:
    text = f"{APP}      DATABASE_URL: postgresql://u@db/app\n      MIGRATIONS_URL: postgresql://u@db/admin\n"
    question = asked(project(tmp_path, text), env_py='url = os.environ["MIGRATIONS_URL"]')
    assert sought(find_url(question)).text.endswith("/admin")
    none = find_url(asked(project(tmp_path, text), env_py="# says nothing"))
    assert isinstance(none, Unknown), "a variable that env.py does not name does not count"
    assert "x-migops: {database-env: NAME}" in none.hint


def test_several_that_nobody_can_choose_from(tmp_path: Path) -> None:
    text = f"{APP}      A_URL: postgresql://u:{SECRET}@db/a\n      B_URL: postgresql://u@db/b\n"
    found = find_url(asked(project(tmp_path, text)))
    assert isinstance(found, Unknown)
    assert "A_URL, B_URL" in found.reason
    assert SECRET not in found.reason


def test_what_is_said_wins_in_its_order(tmp_path: Path) -> None:
    text = f"{APP}      DATABASE_URL: postgresql://u@db/a\n      OTHER: postgresql://u@db/b\n"
    found = project(tmp_path, text)
    assert sought(find_url(asked(found, database_env="OTHER"))).text.endswith("/b")
    assert sought(find_url(asked(found, database_env="OTHER", database_url="sqlite:///c"))).text == "sqlite:///c"
    with pytest.raises(MigopsError, match="NONE"):
        find_url(asked(found, database_env="NONE"))


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p@:/", "POSTGRES_HOST": "pg", "POSTGRES_DB": "d"},
         "postgresql://u:p%40%3A%2F@pg/d"),
        ({"PGUSER": "u", "PGDATABASE": "d", "PGHOST": "pg", "PGPORT": "'6432'"}, "postgresql://u@pg:6432/d"),
        ({"DB_USERNAME": "u", "DB_PASS": "p", "DB_HOST": "pg", "DB_NAME": "d"}, "postgresql://u:p@pg/d"),
        ({"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POSTGRES_DB": "d"}, "postgresql://u:p@store/d"),
    ],
)  # fmt: skip
def test_a_url_in_pieces(tmp_path: Path, environment: Mapping[str, str], url: str) -> None:
    lines = "".join(f"      {key}: {value}\n" for key, value in environment.items())
    found = project(tmp_path, f"{APP}{lines}  store:\n    image: registry.example/library/postgres:15\n")
    assert sought(find_url(asked(found))).text == url


def test_a_password_in_a_secret_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text(f"{SECRET}\n")
    pieces = {"USER": "u", "DB": "d", "HOST": "pg", "PASSWORD_FILE": "/run/secrets/pw"}
    lines = "".join(f"      POSTGRES_{name}: {value}\n" for name, value in pieces.items())
    found = project(tmp_path, f"{APP}{lines}    secrets: [pw]\nsecrets: {{pw: {{file: ./password.txt}}}}\n")
    assert sought(find_url(asked(found))).text == f"postgresql://u:{SECRET}@pg/d"
    (tmp_path / "password.txt").unlink()
    with pytest.raises(MigopsError, match="secret"):
        find_url(asked(found))


def test_the_images_own_environment_counts_where_the_service_sets_nothing(tmp_path: Path) -> None:
    theirs = {"DATABASE_URL": "postgresql://u@image/d"}
    question = asked(project(tmp_path, f"{APP}      X: y\n"))
    found = sought(find_url(replace(question, image_env=theirs)))
    assert (found.text, found.origin) == ("postgresql://u@image/d", "DATABASE_URL, ENV of the image")
    question = asked(project(tmp_path, f"{APP}      DATABASE_URL: postgresql://u@service/d\n"))
    assert sought(find_url(replace(question, image_env=theirs))).text == "postgresql://u@service/d"


def test_the_ini_and_its_traps(tmp_path: Path) -> None:
    found = project(tmp_path, "services:\n  app:\n    image: app\n")
    assert isinstance(find_url(asked(found, ini="sqlalchemy.url = driver://user:pass@localhost/dbname")), Unknown)
    good = sought(find_url(asked(found, ini="sqlalchemy.url = postgresql://u:a%%40b@db/d")))
    assert (good.text, good.origin) == ("postgresql://u:a%40b@db/d", "sqlalchemy.url, /app/alembic.ini:2 (host)")
    bad = find_url(asked(found, ini=f"sqlalchemy.url = postgresql://u:{SECRET}%40b@db/d"))
    assert isinstance(bad, Unknown)
    assert "/app/alembic.ini:2" in bad.reason
    assert "%%40" in bad.hint
    assert SECRET not in bad.reason + bad.hint


class Engine:
    """An engine that lists containers, and counts how often it was asked."""

    def __init__(self, listed: Sequence[Mapping[str, Any]], host: str = "unix:///run/docker.sock") -> None:
        self.listed, self.endpoint, self.is_local = listed, SimpleNamespace(host=host), host.startswith("unix:")
        self.filters: list[Mapping[str, str]] = []

    def containers(self, labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
        self.filters.append(labels)
        return list(self.listed)


def listed(*ports: Mapping[str, Any], state: str = "running", ip: str = "172.18.0.2", **more: Any) -> dict[str, Any]:
    networks = {"shop_default": {"IPAddress": ip}}
    return {"Names": ["/shop-db-1"], "State": state, "Ports": ports, "NetworkSettings": {"Networks": networks}, **more}


def address(folder: Path, engine: Any, url: str = "postgresql://u@db/d", inside: bool = True) -> Address | Unknown:
    found = project(folder, "services:\n  app:\n    image: a\n  db:\n    image: p\n    container_name: shopdb\n")
    call = None if engine is None else lambda: engine
    return server_address(parse_url(url), found, found.services["app"], call, inside)


def port(public: int, bound: str = "0.0.0.0", private: int = 5432) -> dict[str, Any]:
    return {"PrivatePort": private, "PublicPort": public, "Type": "tcp", "IP": bound}


@pytest.mark.parametrize(
    ("container", "host", "expected"),
    [
        (listed(port(15432)), "unix:///s", ("127.0.0.1", 15432)),
        (listed(port(1, private=8080), port(15432, "127.0.0.1")), "unix:///s", ("127.0.0.1", 15432)),
        (listed(port(15432, "::")), "tcp://build.example:2376", ("build.example", 15432)),
        (listed(port(15432, "10.1.1.1")), "ssh://me@build.example", ("10.1.1.1", 15432)),
        (listed({"PrivatePort": 5432, "Type": "tcp"}), "unix:///s", ("172.18.0.2", 5432)),
        (listed(ip="", HostConfig={"NetworkMode": "host"}), "unix:///s", ("127.0.0.1", 5432)),
    ],
)  # fmt: skip
def test_how_a_service_is_reached(tmp_path: Path, container: Any, host: str, expected: tuple[str, int]) -> None:
    found = address(tmp_path, Engine([container], host))
    assert isinstance(found, Address), found
    assert (found.host, found.port) == expected
    assert "shop-db-1" in found.how


@pytest.mark.parametrize(
    ("containers", "host", "reason"),
    [
        ([], "unix:///s", "does not exist"),
        ([listed(state="exited")], "unix:///s", "is exited"),
        ([listed(Labels={"com.docker.compose.oneoff": "True"})], "unix:///s", "does not exist"),
        ([listed(ip="")], "unix:///s", "no address"),
        ([listed()], "tcp://build.example:2376", "another machine"),
        ([listed(port(15432, "127.0.0.1"))], "tcp://build.example:2376", "only on its machine's loopback"),
    ],
)
def test_why_a_service_is_not_reached(tmp_path: Path, containers: Any, host: str, reason: str) -> None:
    found = address(tmp_path, Engine(containers, host))
    assert isinstance(found, Unknown)
    assert reason in found.reason
    assert "--database-url" in found.hint


def test_the_command_that_starts_it_is_the_users_own(tmp_path: Path) -> None:
    found = project(tmp_path, "services:\n  app:\n    image: a\n  db:\n    image: p\n")
    compose = ("docker", "compose", "-f", "my prod.yml")
    url = parse_url("postgresql://u@db/d")
    unread = server_address(url, found, found.services["app"], lambda: Engine([]), True, compose)  # type: ignore[arg-type]
    assert isinstance(unread, Unknown)
    assert "`docker compose -f 'my prod.yml' up -d --no-deps db`" in unread.hint


def test_a_container_name_is_the_service_and_other_hosts_are_taken_as_written(tmp_path: Path) -> None:
    engine = Engine([listed(port(15432))])
    found = address(tmp_path, engine, "postgresql://u@shopdb/d")
    assert isinstance(found, Address)
    assert found.port == 15432
    assert engine.filters == [{"com.docker.compose.project": tmp_path.name, "com.docker.compose.service": "db"}]
    assert address(tmp_path, engine, "postgresql://u@db.example/d") == Address("db.example", 5432, "as written")
    assert len(engine.filters) == 1, "no engine is asked for a host that is no service"


def test_localhost_is_whose(tmp_path: Path) -> None:
    inside = address(tmp_path, None, "postgresql://u@localhost/d")
    assert isinstance(inside, Unknown)
    assert "its own container" in inside.reason
    text = "services:\n  app:\n    image: a\n    environment: {DATABASE_URL: 'postgresql://u@localhost/d'}\n"
    beside = reach(asked(project(tmp_path, f"{text}  db:\n    image: postgres:15\n")))
    assert isinstance(beside, Unknown)
    assert "its own container, not the service db" in beside.reason
    assert beside.hint.startswith("set the host to db; or ")
    outside = address(tmp_path, None, "postgresql://u@localhost/d", inside=False)
    assert outside == Address("localhost", 5432, "as written")


def test_an_engine_that_cannot_be_asked(tmp_path: Path) -> None:
    class Gone:
        def containers(self, labels: object) -> None:
            raise Unavailable("the engine hangs", hint="restart it")

    found = address(tmp_path, Gone())
    assert isinstance(found, Unknown)
    assert "the engine hangs" in found.reason
    assert isinstance(address(tmp_path, None), Unknown), "--no-engine"


def test_a_file_through_a_bind_mount(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    mounts = "volumes: [./data:/srv/data, cache:/cache]\nvolumes: {cache: {}}\n"
    service = project(tmp_path, f"services:\n  app:\n    image: a\n    {mounts}").services["app"]

    def at(url: str, inside: bool = True) -> Path | Absent | Unknown:
        return file_address(parse_url(url), service, "/srv", tmp_path, inside)

    assert isinstance(at("sqlite:///data/x.db"), Absent)
    (tmp_path / "data/x.db").touch()
    assert at("sqlite:///data/x.db") == tmp_path / "data/x.db"
    assert at("sqlite:////srv/data/x.db") == tmp_path / "data/x.db"
    assert at("sqlite:///data/x.db", inside=False) == tmp_path / "data/x.db"
    for url, reason in (
        ("sqlite:////cache/x.db", "in a volume"), ("sqlite:///x.db", "in the container"), ("sqlite://", ":memory:"),
    ):  # fmt: skip
        unread = at(url)
        assert isinstance(unread, Unknown)
        assert reason in unread.reason


def sqlite(path: Path, *statements: str) -> Question:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return Question(url=f"sqlite:///{path}")


def read(question: Question) -> DatabaseState:
    found = ask(question)
    assert isinstance(found, DatabaseState), found
    return found


def test_what_an_sqlite_file_says(tmp_path: Path) -> None:
    fresh = read(sqlite(tmp_path / "fresh.db"))
    assert (fresh.is_fresh, fresh.has_version_table, fresh.rows, fresh.tables) == (True, False, (), ())
    product = "CREATE TABLE product (id INTEGER)"
    tables = read(sqlite(tmp_path / "tables.db", product))
    assert (tables.is_fresh, tables.has_version_table, tables.tables) == (False, False, ("product",))
    version = "CREATE TABLE alembic_version (version_num VARCHAR(32))"
    empty = read(sqlite(tmp_path / "empty.db", product, version))
    assert (empty.has_version_table, empty.rows, empty.tables) == (True, (), ("product",))
    two = read(sqlite(tmp_path / "two.db", version, "INSERT INTO alembic_version VALUES ('b'), ('a')"))
    assert (two.rows, two.server.split()[0], two.url) == (("a", "b"), "SQLite", f"sqlite:///{tmp_path}/two.db")


def test_a_table_of_that_name_that_is_not_alembics(tmp_path: Path) -> None:
    found = ask(sqlite(tmp_path / "x.db", "CREATE TABLE alembic_version (id INTEGER)"))
    assert isinstance(found, Unknown)
    assert "version_num" in found.reason


def test_waiting_ends_when_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([Unknown("no"), Unknown("not yet"), DatabaseState((), False)])
    monkeypatch.setattr(database, "read_database", lambda asked, sought: next(answers))
    monkeypatch.setattr(database, "PAUSE", 0.001)
    assert ask(Question(url="sqlite://"), wait=30) == DatabaseState((), False)


def test_waiting_ends_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PAUSE", 0.001)
    monkeypatch.setattr(database, "read_database", lambda asked, sought: Unknown("no"))
    assert ask(Question(url="sqlite://"), wait=0.02) == Unknown("no")


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("", VersionTable()),
        ("context.configure(connection=c)", VersionTable()),
        ('context.configure(version_table="v", version_table_schema="s")', VersionTable("v", "s")),
        ('T = "v"\ncontext.configure(version_table=T)', VersionTable("v")),
        ("context.configure(version_table_schema=None)", VersionTable()),
        ("def broken(:", VersionTable()),
    ],
)
def test_the_version_table_of_env_py(source: str, table: VersionTable) -> None:
    assert version_table(source, "env.py") == table


def test_a_version_table_that_is_computed() -> None:
    source = "import os\ncontext.configure(version_table_schema=os.environ['S'])"
    found = version_table(source, "migrations/env.py")
    assert isinstance(found, Unknown)
    assert "migrations/env.py:2" in found.reason
    assert "version-table-schema" in found.hint
    assert version_table(source, "env.py", schema="tenant") == VersionTable("alembic_version", "tenant")


FALLS_BACK = """import os
host = os.getenv("POSTGRES_HOST", "localhost")
engine = create_engine(f"postgresql://{os.environ['POSTGRES_USER']}@{host}/{os.environ['POSTGRES_DB']}")
"""
PIECES = "POSTGRES_USER: shop, POSTGRES_PASSWORD: x, POSTGRES_DB: shop"


@pytest.mark.parametrize(
    ("more", "env_py", "service", "falls_back"),
    [
        ("", FALLS_BACK, "", True),
        ("", FALLS_BACK.replace(', "localhost")', ') or "localhost"'), "", True),
        (", POSTGRES_HOST: db", FALLS_BACK, "", False),
        ("", FALLS_BACK.replace("localhost", "db"), "", False),
        ("", "", "", False),
        ("", FALLS_BACK, "    network_mode: host\n", False),
    ],
)
def test_a_service_that_does_not_say_where_the_server_is(
    more: str, env_py: str, service: str, falls_back: bool, tmp_path: Path
) -> None:
    """What env.py falls back on is what counts, not the service that runs a server: Alembic does not know that one."""
    found = project(
        tmp_path,
        f"services:\n  app:\n    image: shop\n    environment: {{{PIECES}{more}}}\n{service}"
        "  db:\n    image: postgres\n",
    )
    sought = find_url(asked(found, env_py))
    if falls_back:
        assert isinstance(sought, Unknown)
        assert "env.py:2 takes POSTGRES_HOST from the environment, else localhost" in sought.reason
        assert "the service app" in sought.reason
        assert sought.hint == "set it there: POSTGRES_HOST: db"
        assert sought.edit == "under the service app, add to its environment: POSTGRES_HOST: db"
        assert sought.at == found.services["app"].location
    else:
        assert isinstance(sought, Sought)
        assert ("@localhost/" if service else "@db/") in sought.text


def test_the_variable_that_env_py_really_reads_is_the_one_to_set(tmp_path: Path) -> None:
    text = f"services:\n  app:\n    image: shop\n    environment: {{{PIECES}}}\n  db:\n    image: postgres\n"
    other = FALLS_BACK.replace("POSTGRES_HOST", "POSTGRES_SERVER")
    found = find_url(asked(project(tmp_path, text), other))
    assert isinstance(found, Unknown)
    assert found.edit.endswith("add to its environment: POSTGRES_SERVER: db")
    without = find_url(asked(project(tmp_path, text.partition("  db:")[0]), other))
    assert isinstance(without, Unknown)
    assert (without.edit, without.at) == ("", None), "no server is known that could be named"


@pytest.mark.parametrize(("host", "server", "is_edit"), [
    ("localhost", "postgres", True), ("localhost", "redis", False), ("10.0.0.1", "postgres", False),
])  # fmt: skip
def test_the_line_whose_url_names_the_container_itself(host: str, server: str, is_edit: bool, tmp_path: Path) -> None:
    text = f"{APP}      X: y\n      DATABASE_URL: postgresql://u:{SECRET}@{host}/d\n  db:\n    image: {server}\n"
    found = reach(asked(project(tmp_path, text)))
    edit = (found.edit, str(found.at)) if isinstance(found, Unknown) and found.edit else None
    wanted = ("write the service db as the URL's host", f"{tmp_path}/compose.yaml:6")
    assert edit == (wanted if is_edit else None)


def test_a_url_of_the_image_has_no_line_to_edit(tmp_path: Path) -> None:
    text = "services:\n  app:\n    image: app\n  db:\n    image: postgres\n"
    question = replace(
        asked(project(tmp_path, text)), image_env={"DATABASE_URL": f"postgresql://u:{SECRET}@localhost/d"}
    )
    found = reach(question)
    assert isinstance(found, Unknown)
    assert (found.edit, found.at) == ("", None)
