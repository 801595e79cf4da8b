"""MIG107, MIG108 and MIG604-606 through doctor: builds and starts that fake migrations or cannot run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cases.shop import COMPOSE, ENV, Answer, Shop
from tests.images.build import Member
from tests.kit import migops

URL = "    environment: {DATABASE_URL: 'postgresql://shop:pw7@db:5432/shop'}\n"
DB = "  db:\n    image: postgres:15\n"
WAYS = ("--select", "MIG107", "--select", "MIG108", "--select", "MIG6")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("a1").write("compose.yaml", COMPOSE + URL + DB)


def names(answer: Answer, *wanted: str) -> list[str]:
    return [each.name for each in answer.said if not wanted or each.name in wanted]


def doctor(shop: Shop) -> Answer:
    return shop.doctor("app", *WAYS)


def built(shop: Shop, *lines: str) -> Answer:
    head = ("FROM python:3.11-slim", "WORKDIR /app", "COPY . .")
    shop.write("Dockerfile", "\n".join((*head, *lines, "ENTRYPOINT []", 'CMD ["python", "main.py"]', "")))
    return doctor(shop)


class TestMigratesInBuild:
    @pytest.mark.parametrize(
        "line",
        ["RUN alembic upgrade head", 'RUN ["alembic", "upgrade", "head"]', "RUN pip list && flask db upgrade",
         "RUN cd /app && python -m alembic upgrade head || true", "RUN sh migrate.sh",
         "RUN --mount=type=secret,id=url poetry run alembic upgrade head",
         "RUN <<EOF\npip list\nalembic upgrade head\nEOF"],
    )  # fmt: skip
    def test_a_run_that_migrates(self, shop: Shop, line: str) -> None:
        shop.write("migrate.sh", "set -e\nalembic upgrade head\n")
        said = built(shop, line).of("MIG107")
        assert "the build migrates a database" in said.text
        assert "upgrade" in said.text

    def test_a_stage_that_the_target_is_built_from(self, shop: Shop) -> None:
        shop.write(
            "Dockerfile",
            "FROM python:3.11-slim AS base\nWORKDIR /app\nCOPY . .\nRUN alembic upgrade head\n"
            'FROM base\nENTRYPOINT []\nCMD ["python", "main.py"]\n',
        )
        assert names(doctor(shop), "MIG107") == ["MIG107"]

    @pytest.mark.parametrize(
        "line",
        ["RUN echo alembic upgrade head", "RUN alembic upgrade head --sql > /schema.sql", "RUN alembic heads",
         "RUN DATABASE_URL=sqlite:///demo.db alembic upgrade head", "ENV DB=sqlite:///x\nRUN alembic upgrade head",
         "RUN service postgresql start && alembic upgrade head", "# RUN alembic upgrade head",
         'ARG MIGRATE=0\nRUN if [ "$MIGRATE" = 1 ]; then alembic upgrade head; fi'],
    )  # fmt: skip
    def test_near_misses(self, shop: Shop, line: str) -> None:
        assert names(built(shop, line), "MIG107") == []

    def test_a_project_on_sqlite(self, shop: Shop) -> None:
        shop.write("compose.yaml", COMPOSE + URL.replace("postgresql://shop:pw7@db:5432/shop", "sqlite:////app/a.db"))
        shop.write("migrations/env.py", "import os\n" + ENV + "engine = create_engine(os.environ['DATABASE_URL'])\n")
        assert names(built(shop, "RUN alembic upgrade head"), "MIG107") == []

    def test_a_stage_that_nothing_needs(self, shop: Shop) -> None:
        shop.write(
            "Dockerfile",
            "FROM python:3.11-slim AS check\nCOPY . .\nRUN alembic upgrade head\n"
            'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT []\nCMD ["python", "main.py"]\n',
        )
        assert names(doctor(shop), "MIG107") == []


def script(shop: Shop, content: bytes = b'#!/bin/sh\nexec "$@"\n', mode: int = 0o755, name: str = "start.sh") -> Shop:
    (shop.folder / name).write_bytes(content)
    (shop.folder / name).chmod(mode)
    return shop


def started(shop: Shop, *lines: str, start: str = '"/app/start.sh", "python", "main.py"') -> Answer:
    head = ("FROM python:3.11-slim", "WORKDIR /app", "COPY . .")
    shop.write("Dockerfile", "\n".join((*head, *lines, f"ENTRYPOINT [{start}]", "")))
    return doctor(shop)


class TestScriptCannotStart:
    def test_nobody_may_execute_it(self, shop: Shop) -> None:
        said = started(script(shop, mode=0o644)).of("MIG108")
        assert "app cannot start /app/start.sh: it is not executable" in said.text
        assert f"chmod +x {shop.folder}/start.sh" in said.fix
        assert "docker compose build app" in said.fix

    def test_line_ends_of_windows(self, shop: Shop) -> None:
        said = started(script(shop, b'#!/bin/sh\r\nset -e\r\nexec "$@"\r\n')).of("MIG108")
        assert "its first line ends with CR LF" in said.text
        assert "*.sh text eol=lf" in said.fix

    def test_no_line_with_an_interpreter(self, shop: Shop) -> None:
        assert "it has no #! line" in started(script(shop, b'set -e\nexec "$@"\n')).of("MIG108").text

    def test_a_script_behind_a_script(self, shop: Shop) -> None:
        script(shop, b"#!/bin/sh\nset -e\nexec ./run.sh\n")
        said = started(script(shop, name="run.sh", mode=0o600)).of("MIG108")
        assert "/app/run.sh" in said.text

    def test_it_is_mounted(self, shop: Shop) -> None:
        script(shop, mode=0o644)
        text = COMPOSE + URL + "    volumes: ['./start.sh:/app/start.sh']\n" + DB
        said = started(shop.write("compose.yaml", text), "RUN chmod +x /app/start.sh").of("MIG108")
        assert "docker compose up -d --no-deps app" in said.fix

    @pytest.mark.parametrize(
        ("content", "mode", "lines", "start"),
        [
            (b'#!/bin/sh\nexec "$@"\n', 0o755, (), '"/app/start.sh", "python", "main.py"'),
            (b"#!/bin/sh\nexec python main.py\n", 0o644, (), '"sh", "/app/start.sh"'),
            (b"echo\r\nexec python main.py\r\n", 0o644, (), '"bash", "start.sh"'),
            (b"#!/bin/sh\nexec python main.py\n", 0o644, (), '"sh", "-c", ". /app/start.sh"'),
            (b"#!/bin/sh\nexec python main.py\n", 0o644, ("RUN chmod +x start.sh",), '"./start.sh"'),
            (b"#!/bin/sh\nexec python main.py\n", 0o644, ("COPY --chmod=755 start.sh .",), '"./start.sh"'),
            (b"#!/bin/sh\r\nexec python main.py\r\n", 0o755, ("RUN sed -i 's/\\r$//' start.sh",), '"./start.sh"'),
            (b"#!/bin/sh\r\nexec python main.py\r\n", 0o755, ("RUN dos2unix start.sh",), '"./start.sh"'),
            (b"set -e\nexec python main.py\n", 0o755, (), '"sh", "-c", "./start.sh"'),
            (b"set -e\nexec python main.py\n", 0o755, (), '"tini", "--", "./start.sh"'),
            (b"#!/bin/sh\necho a\r\nexec python main.py\n", 0o755, (), '"./start.sh"'),
        ],
    )
    def test_near_misses(self, shop: Shop, content: bytes, mode: int, lines: tuple[str, ...], start: str) -> None:
        assert names(started(script(shop, content, mode), *lines, start=start), "MIG108") == []

    @pytest.mark.parametrize(
        ("line", "has", "found"),
        [
            (b"#!/bin/bash", ("bin/sh",), True),
            (b"#!/usr/bin/env bash", ("bin/sh", "usr/bin/env"), True),
            (b"#!/usr/bin/env bash", ("bin/sh", "usr/bin/env", "usr/local/bin/bash"), False),
            (b"#!/bin/bash -e", ("bin/sh", "bin/bash"), False),
            (b"#!/bin/bash", (), False),  # an archive without any shell was not made to run a script
        ],
    )
    def test_an_interpreter_that_the_image_lacks(
        self, shop: Shop, line: bytes, has: tuple[str, ...], found: bool
    ) -> None:
        script(shop, line + b'\nexec "$@"\n')
        binaries = [Member(name, b"\x7fELF\0", mode=0o755) for name in has]
        start = Member("app/start.sh", line + b'\nexec "$@"\n', mode=0o755)
        shop.image(start, *binaries, leave_out="start.sh", Entrypoint=["/app/start.sh"])
        url = ("--database-url", "sqlite:////nowhere/shop.db")
        said = migops("doctor", "--image", shop.archive, *url, *WAYS, "--format", "json", cwd=shop.folder).json
        assert ["MIG108"] * found == [each["rule"] for each in said["findings"]]
        if found:
            assert "the image has no" in said["findings"][0]["message"]
            assert "bash" in json.dumps(said["findings"][0]["remedy"])


def command(shop: Shop, start: str) -> Answer:
    text = f"{COMPOSE}    entrypoint: []\n    command: {json.dumps(start)}\n{URL}{DB}"
    return shop.write("compose.yaml", text).doctor("app", *WAYS)


class TestStampAtStart:
    @pytest.mark.parametrize(
        "start",
        ["sh -c 'alembic stamp head 2>/dev/null || true; exec python main.py'",
         "sh -c 'alembic stamp head && python main.py'", "sh -c 'flask db stamp head; flask run'",
         "sh -c 'python -m alembic -c alembic.ini stamp head; python main.py'",
         "sh -c 'alembic stamp a1 && alembic upgrade head && python main.py'"],
    )  # fmt: skip
    def test_it_is_told(self, shop: Shop, start: str) -> None:
        said = command(shop, start).of("MIG604")
        assert "app stamps the database at every start" in said.text
        assert "stamp" in said.text

    @pytest.mark.parametrize(
        "start",
        ["sh -c 'alembic upgrade head || alembic stamp head; python main.py'",
         "sh -c 'alembic upgrade head && alembic stamp head && python main.py'",
         "sh -c 'if [ \"$FRESH\" = 1 ]; then alembic stamp head; fi; python main.py'",
         "sh -c 'alembic stamp head --sql; python main.py'", "sh -c 'echo alembic stamp head; python main.py'",
         "python main.py stamp"],
    )  # fmt: skip
    def test_near_misses(self, shop: Shop, start: str) -> None:
        assert names(command(shop, start), "MIG604") == []

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("    command.stamp(Config('alembic.ini'), 'head')\n", True),
            ("    with lock():\n        command.stamp(Config('alembic.ini'), 'head')\n", True),
            ("    if is_empty():\n        create()\n        command.stamp(Config('a'), 'head')\n", False),
            ("    if not is_empty():\n        return\n    command.stamp(Config('a'), 'head')\n", False),
            ("    command.upgrade(Config('a'), 'head')\n", False),
            ("    try:\n        run()\n    except Exception:\n        command.stamp(Config('a'), 'head')\n", False),
        ],
    )
    def test_in_a_program(self, shop: Shop, body: str, found: bool) -> None:
        shop.write("main.py", "from alembic import command\nfrom alembic.config import Config\n"
                   f"def unused():\n    command.stamp(1, 'head')\ndef main():\n{body}if __name__ == '__main__':\n"
                   "    main()\n")  # fmt: skip
        assert names(command(shop, "python main.py"), "MIG604") == ["MIG604"] * found


class TestMigrationsMadeAtStart:
    @pytest.mark.parametrize(
        "start",
        ["sh -c 'flask db migrate; flask db upgrade; exec flask run'",
         "sh -c 'if [ ! -d migrations ]; then flask db init; flask db migrate; fi; flask db upgrade; flask run'",
         "sh -c 'alembic revision --autogenerate -m auto && alembic upgrade head && python main.py'",
         "sh -c 'python manage.py db migrate && python manage.py runserver'"],
    )  # fmt: skip
    def test_it_is_told(self, shop: Shop, start: str) -> None:
        said = command(shop, start).of("MIG605")
        assert "app writes a new migration at every start" in said.text

    @pytest.mark.parametrize(
        "start",
        ["sh -c 'flask db upgrade; exec flask run'", "sh -c 'python manage.py migrate; python manage.py runserver'",
         "sh -c 'if [ \"$MAKE\" = 1 ]; then flask db migrate; fi; flask run'", "sh -c 'alembic history; flask run'",
         "sh -c 'alembic upgrade head -x revision=1; python main.py'"],
    )  # fmt: skip
    def test_near_misses(self, shop: Shop, start: str) -> None:
        assert names(command(shop, start), "MIG605") == []

    def test_an_entrypoint_in_the_image(self, shop: Shop) -> None:
        script(shop, b'#!/bin/sh\nflask db migrate\nflask db upgrade\nexec "$@"\n')
        assert names(started(shop), "MIG605", "MIG108") == ["MIG605"]


class TestVersionTableWritten:
    @pytest.mark.parametrize(
        "start",
        ['psql "$DATABASE_URL" -c "DELETE FROM alembic_version" && alembic upgrade head',
         "psql -c \"UPDATE public.alembic_version SET version_num = 'a1'\"",
         'echo "INSERT INTO alembic_version VALUES (1)" | psql', "psql -qc 'drop table if exists alembic_version'"],
    )  # fmt: skip
    def test_it_is_told(self, shop: Shop, start: str) -> None:
        shop.write("start.sh", f"#!/bin/sh\n{start}\nexec python main.py\n")
        said = command(shop, "sh start.sh").of("MIG606")
        assert "the start of app changes alembic_version itself" in said.text
        assert f"{shop.folder}/start.sh:2" in said.text

    @pytest.mark.parametrize(
        "start",
        ['psql -c "SELECT * FROM alembic_version"', 'echo "do not DELETE FROM alembic_version"',
         "psql -c \"DELETE FROM sessions\"", "# psql -c 'DELETE FROM alembic_version'",
         'psql -c "ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(128)"'],
    )  # fmt: skip
    def test_near_misses(self, shop: Shop, start: str) -> None:
        shop.write("start.sh", f"#!/bin/sh\n{start}\nexec python main.py\n")
        assert names(command(shop, "sh start.sh"), "MIG606") == []

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ('psql "$DATABASE_URL" <<EOF\nSELECT 1;\nDELETE FROM alembic_version;\nEOF\n', True),
            ("psql <<-'SQL'\n\tSELECT 1;\n\tUPDATE alembic_version SET version_num = 'a';\n\tSQL\n", True),
            ("PGPASSWORD=x psql -h db <<EOF\n\nTRUNCATE alembic_version;\nEOF\n", True),
            ("psql <<EOF\n\n-- DELETE FROM alembic_version;\nEOF\n", False),
            ("cat <<EOF\n\nDELETE FROM alembic_version;\nEOF\n", False),
            ("unused() {\n  psql <<EOF\nDELETE FROM alembic_version;\nEOF\n}\n", False),
            ("psql -v ON_ERROR_STOP=1 -f /app/fix.sql\n", True),
            ("psql --file=fix.sql\n", True),
            ("psql -f none.sql\n", False),
        ],
    )
    def test_documents_and_files(self, shop: Shop, text: str, found: bool) -> None:
        shop.write("fix.sql", "BEGIN;\n\n\nDELETE FROM alembic_version;\n")
        shop.write("start.sh", f"#!/bin/sh\n{text}exec python main.py\n")
        answer = command(shop, "sh start.sh")
        assert names(answer, "MIG606") == ["MIG606"] * found
        if found:
            assert "start.sh:4" in answer.of("MIG606").text or "fix.sql:4" in answer.of("MIG606").text

    def test_in_env_py(self, shop: Shop) -> None:
        env = (shop.folder / "migrations/env.py").read_text()
        body = "    try:\n        context.run_migrations()\n    except Exception:\n        c.execute(text({}))\n"
        write = "'UPDATE alembic_version SET version_num = :r'"
        shop.write("migrations/env.py", f"{env}def run(c):\n{body.format(write)}run(connect())\n")
        said = command(shop, "python main.py").of("MIG606")
        assert "env.py changes alembic_version itself" in said.text
        assert f"{shop.folder}/migrations/env.py:8" in said.text
        shop.write("migrations/env.py", f"{env}def run(c):\n{body.format('QUERY')}run('TABLE alembic_version')\n")
        assert names(command(shop, "python main.py"), "MIG606") == []

    def test_in_a_program(self, shop: Shop) -> None:
        reach = 'from sqlalchemy import text\n"""UPDATE alembic_version: never"""\ndef fix(c):\n    c.execute({})\n'
        write = 'text("UPDATE alembic_version SET version_num = 1")'
        shop.write("main.py", reach.format(write) + "fix(connect())\n")
        said = command(shop, "python main.py").of("MIG606")
        assert "main.py:4" in said.text
        shop.write("main.py", reach.format(write) + "run()\n")
        assert names(command(shop, "python main.py"), "MIG606") == []


def test_what_the_host_has_mended_and_what_a_build_would_bring(shop: Shop) -> None:
    shop.write("compose.yaml", COMPOSE)
    stamps = b'#!/bin/sh\nalembic stamp head\nexec "$@"\n'
    shop.write("Dockerfile", 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["/app/start.sh"]\n')
    url = ("--database-url", "sqlite:////nowhere/shop.db")

    def message() -> str:
        given = ("--image", shop.archive, "--context", ".", *url, "--select", "MIG604", "--format", "json")
        (found,) = migops("doctor", *given, cwd=shop.folder).json["findings"]
        return f"{found['message']} {found['cause']}"

    script(shop, stamps).image(Entrypoint=["/app/start.sh"])
    assert "fixed" not in message()
    script(shop)
    assert message().endswith("already fixed on the host")
    script(shop).image(Entrypoint=["/app/start.sh"])
    script(shop, stamps)
    assert ", after the next build" in message()
