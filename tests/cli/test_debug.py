"""--debug: a line for each request, command and SQL statement on standard error, and no secret in any of them."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from migops.cli.main import COMMANDS
from migops.cli.rebuild_and_migrate import Progress
from migops.core import debug, process, redaction
from migops.core.process import CommandError
from migops.database import connect, parse_url
from migops.docker import execs
from tests.deploy.stack import PASSWORD, Stack
from tests.engine.sandbox import Sandbox
from tests.images.fake_engine import engine_at, send, send_json, serve
from tests.kit import NO_ENGINE, example, git, migops, repository

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z migops(?:\.(?P<kind>engine|exec|command|sql))? +(?P<text>.+)"
)
SECRET = "canary-9f81"


def lines(stderr: str) -> list[tuple[str, str]]:
    """Every debug line's kind and text, without the time that it took."""
    found = [match for line in stderr.splitlines() if (match := LINE.fullmatch(line))]
    return [(match["kind"] or "", re.sub(r", \d+ ms$", "", match["text"])) for match in found]


@pytest.fixture
def run_scope() -> Iterator[None]:
    """What a run of the command line opens. A test starts debugging itself: standard error is another one here."""
    with redaction.scope(), debug.scope():
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Its service names an image that the fake engine has."""
    folder = example("clean", tmp_path)
    compose = folder / "compose.yaml"
    compose.write_text(compose.read_text().replace("build: .", "build: .\n    image: app:1", 1))
    return folder


class TestOption:
    @pytest.mark.parametrize("words", [("--debug", "check-image"), ("check-image", "--debug")])
    def test_before_and_after_the_command(self, project: Path, words: tuple[str, ...]) -> None:
        with serve(project) as (fake, host):
            found = migops(*words, "--format", "json", cwd=project, env={"DOCKER_HOST": host})
            plain = migops("check-image", "--format", "json", cwd=project, env={"DOCKER_HOST": host})
        requests = [text for kind, text in lines(found.stderr) if kind == "engine"]
        assert requests[:2] == ["GET /_ping: 200", "GET /v1.44/images/app:1/json: 200"]
        assert [line.rpartition(": ")[0] for line in requests] == fake.seen[: len(requests)]
        assert lines(plain.stderr) == []
        assert (found.code, found.json["verdict"]) == (plain.code, plain.json["verdict"])
        assert found.stdout.count("GET /") == plain.stdout.count("GET /") == 0

    def test_by_its_variable(self, project: Path) -> None:
        found = migops("explain", "MIG101", cwd=project, env={**NO_ENGINE, "MIGOPS_DEBUG": "1"})
        assert [kind for kind, _ in lines(found.stderr)] == [""]

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_it(self, command: str, tmp_path: Path) -> None:
        assert "--debug" in migops(command, "--help", cwd=tmp_path).stdout

    def test_an_error_is_a_document_all_the_same(self, tmp_path: Path) -> None:
        found = migops("--debug", "check-image", "--format", "json", cwd=tmp_path)
        assert (found.code, found.json["command"], found.json["verdict"]) == (2, "check-image", "error")

    def test_the_hint_of_a_wrong_option_names_the_command(self, tmp_path: Path) -> None:
        found = migops("--debug", "check-image", "--format", "json", "--nonsense", cwd=tmp_path)
        assert (found.code, found.json["error"]["hint"]) == (2, "migops check-image --help")

    def test_it_ends_with_its_run(self, tmp_path: Path) -> None:
        assert lines(migops("--debug", "explain", "MIG101", cwd=tmp_path).stderr)
        assert lines(migops("explain", "MIG101", cwd=tmp_path).stderr) == []
        assert logging.getLogger("migops").handlers == []

    def test_without_it_logging_is_not_imported(self, tmp_path: Path) -> None:
        program = "import sys; from migops.cli.main import run; run(['--version']); sys.exit('logging' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True).returncode == 0


@pytest.mark.usefixtures("run_scope")
class TestLines:
    def test_a_command_that_ends(self, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        process.run([sys.executable, "-c", "raise SystemExit(3)"], check=False)
        assert self.last(capsys) == ("command", f"{sys.executable} -c 'raise SystemExit(3)': exit code 3")

    def test_a_command_that_is_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        with pytest.raises(CommandError):
            process.run(["no-such-program", "x"])
        assert self.last(capsys) == ("command", "no-such-program x: failed (FileNotFoundError)")
        with pytest.raises(CommandError):
            process.start(["no-such-program", "y"])
        assert self.last(capsys) == ("command", "no-such-program y: failed (FileNotFoundError)")

    def test_a_command_that_takes_too_long(self, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        with pytest.raises(CommandError):
            process.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
        assert self.last(capsys)[1].endswith("failed (TimeoutExpired)")

    def test_a_command_that_is_waited_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        started = process.start([sys.executable, "-c", "print('x')"])
        assert started.communicate()[0] == b"x\n"
        started.wait()
        assert started.poll() == 0
        assert [text for _, text in lines(capsys.readouterr().err)][1:] == [
            f"{sys.executable} -c 'print('\"'\"'x'\"'\"')': exit code 0"
        ]

    def test_a_request_that_fails(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        with serve(tmp_path) as (fake, host), engine_at(host, timeout=0.2) as engine:
            fake.answers["GET /info"] = fake.hang
            with pytest.raises(Exception, match="did not answer"):
                engine.http.call("GET", "/info", "a question")
        assert self.last(capsys) == ("engine", "GET /v1.44/info: failed (ReadTimeout)")

    def test_a_command_in_a_container(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        with serve(tmp_path) as (fake, host), engine_at(host) as engine:
            fake.answers["POST /containers/"] = lambda to: send_json(to, {"Id": "e1"}, 201)
            fake.answers["POST /exec/e1/start"] = lambda to: send(to, b"")
            fake.answers["GET /exec/e1/json"] = lambda to: send_json(to, {"Running": False, "ExitCode": 4})
            execs.run_quietly(engine, "c" * 64, ["psql", "-c", "SELECT 1"])
            execs.create_exec(engine, "a-rather-long-name", ["sleep", "1"], {"PGPASSWORD": SECRET})
        debug._stop()
        said = capsys.readouterr().err
        assert ("exec", "cccccccccccc psql -c 'SELECT 1': exit code 4") in lines(said)
        assert ("exec", "a-rather-long-name sleep 1: its end was not asked for") in lines(said)
        assert SECRET not in said

    def test_a_database(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        (tmp_path / "a.db").touch()
        with connect(parse_url("sqlite:///x").on_file(str(tmp_path / "a.db")), timeout=5) as connection:
            connection.execute(text(f"SELECT 1, 2, 3, 4, 5, 6, 7, 8, '{SECRET}'"))
            with pytest.raises(Exception, match="nowhere"):
                connection.execute(text("SELECT x FROM nowhere"))
        said = capsys.readouterr().err
        assert lines(said)[1:] == [
            ("sql", f"connect sqlite:///{tmp_path / 'a.db'}: open"),
            ("sql", "SELECT 1, 2, 3, 4, 5, 6, 7, …: done"),
            ("sql", "SELECT x FROM nowhere: failed (OperationalError)"),
        ]
        assert SECRET not in said

    def test_a_database_that_is_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        url = parse_url(f"postgresql://shop:{SECRET}@127.0.0.1:1/shop?application_name=x")
        with pytest.raises(Exception, match="refused"), connect(url, timeout=5):
            pass
        said = capsys.readouterr().err
        assert ("sql", "connect postgresql://shop@127.0.0.1:1/shop: failed (OperationalError)") in lines(said)
        assert SECRET not in said

    def last(self, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
        return lines(capsys.readouterr().err)[-1]

    def test_the_steps_of_a_deploy_leave_it_lines_of_its_own(self, capsys: pytest.CaptureFixture[str]) -> None:
        debug.start()
        progress = Progress()
        progress.begin(2, 9, "build")
        process.run([sys.executable, "-c", ""])
        progress.end("done", 1.0)
        assert [line.strip() for line in capsys.readouterr().err.splitlines() if not LINE.fullmatch(line)] == [
            "2/9  build",
            "done, 1.0 s",
        ]


class TestSecrets:
    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            (["docker", "compose", "run", "-e", f"ANY={SECRET}", "app"], "docker compose run -e ANY=*** app"),
            (["docker", "run", f"-eANY={SECRET}", "app"], "docker run -eANY=*** app"),
            (["docker", "run", f"--env=ANY={SECRET} more", "app"], "docker run --env=ANY=*** app"),
            (["docker", "build", "--build-arg", f"V={SECRET}", "."], "docker build --build-arg V=*** ."),
            (["env", f"DEPLOY_TOKEN={SECRET} {SECRET}", "sh"], "env DEPLOY_TOKEN=*** sh"),
            (["tool", "--password", f"{SECRET} more"], "tool --password ***"),
            (["tool", f"--api-token={SECRET}", "x"], "tool --api-token=*** x"),
            (["migops", "--database-url", f"postgresql://u:{SECRET}@db/x"], "migops --database-url postgresql://u:***@db/x"),
            (["git", "clone", f"https://{SECRET}@host/x"], "git clone https://***@host/x"),
            (["docker", "compose", "-f", "a b.yml", "up"], "docker compose -f 'a b.yml' up"),
        ],
    )  # fmt: skip
    def test_of_commands_by_form(self, words: list[str], shown: str) -> None:
        assert debug.command_line(words) == shown

    def test_of_commands_by_value_also_where_a_word_is_cut_short(self) -> None:
        with redaction.scope():
            redaction.learn_environment([f"API_TOKEN={SECRET}"])
            told = debug.command_line(["sh", "-c", "x" * 155 + SECRET, f"it's {SECRET}"])
        assert "canar" not in told
        assert len(told) < 220

    def test_of_statements(self) -> None:
        assert debug.statement(f"ALTER  ROLE u\n PASSWORD '{SECRET}'") == "ALTER ROLE u PASSWORD"
        assert debug.statement(f"DO $$ {SECRET} $$") == "DO"

    def test_a_line_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        with redaction.scope(), debug.scope():
            debug.start()
            debug.timed("command", "sh", "-c", "a\nb\x1b[31m").end("exit code 0")
        said = capsys.readouterr().err
        assert r"'a\nb\x1b[31m': exit code 0" in said.splitlines()[-1]


@pytest.mark.engine
def test_on_the_engine(sandbox: Sandbox) -> None:
    stack = Stack(sandbox, repository(example("clean", sandbox.path)), sandbox.path / "state")
    stack.up("db")
    (script,) = (stack.project / "migrations" / "versions").glob("a94d5e61c8f3*.py")
    git(stack.project, "rm", "-q", str(script))
    git(stack.project, "commit", "-q", "-m", "Give up on it")
    found = migops("--debug", "check-image", "--format", "json", cwd=stack.project, env=stack.env)
    assert (found.code, "MIG001" in found.rules) == (1, True), found.stderr
    kinds = dict.fromkeys(kind for kind, _ in lines(found.stderr))
    assert {"engine", "command"} <= kinds.keys()
    assert ("engine", "GET /_ping: 200") in lines(found.stderr)
    assert any(text.startswith("git ") and text.endswith("exit code 0") for _, text in lines(found.stderr))
    assert all(LINE.fullmatch(line) for line in found.stderr.splitlines())

    status = migops("status", "--debug", cwd=stack.project, env=stack.env)
    told = [text for kind, text in lines(status.stderr) if kind == "sql"]
    assert re.fullmatch(r"connect postgresql://shop@[\d.]+:5432/shop: open", told[0]), status.stderr
    assert any(line.startswith("SELECT ") and line.endswith(": done") for line in told)

    backup = migops("--debug", "backup", cwd=stack.project, env=stack.env)
    assert backup.code == 0, backup.stderr
    assert any(kind == "exec" and "pg_dump" in text and "exit code 0" in text for kind, text in lines(backup.stderr))
    alembic = migops("alembic", "--debug", "current", cwd=stack.project, env=stack.env)
    assert any(
        "docker compose" in text and " run " in text for kind, text in lines(alembic.stderr) if kind == "command"
    )
    for result in (found, status, backup, alembic):
        assert PASSWORD not in result.stdout + result.stderr
