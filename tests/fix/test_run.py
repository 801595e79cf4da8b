"""``doctor --fix`` on the command line, without an engine: what is shown, written, refused, put back and undone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migops.commands.fix import registry, writing
from migops.commands.fix.model import FileEdit, Fix
from migops.state.lock import host_lock
from migops.state.state_folder import folder_at
from tests.cases.shop import COMPOSE, ENV, INI, Shop
from tests.fix.test_texts import LINE, SYNC
from tests.kit import NO_ENGINE, Result, git, migops

SECRET = "kAn4ry-s3cret"
URL = f"postgresql://shop:{SECRET}@db:5432/shop"
READS_ALL = "options = context.config.get_section(context.config.config_ini_section)\n"
FIXED = f"{INI}file_template = %%(year)d_%%(slug)s\n"
BROKEN = f"{INI}file_template = %(year)d_%%(slug)s\nversion_num_format = %04d\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop.at(tmp_path).line("001").write(".dockerignore", ".git\n").committed()
    return made.write("alembic.ini", BROKEN).write("migrations/env.py", f"{ENV}{READS_ALL}")


def doctor(shop: Shop, *words: str, **env: str) -> Result:
    given = {**NO_ENGINE, "XDG_STATE_HOME": str(state(shop)), **env}
    return migops("doctor", "--no-engine", *words, cwd=shop.folder, env=given)


def state(shop: Shop) -> Path:
    return shop.folder.parent / "state"


def tree(shop: Shop) -> dict[str, tuple[str, int]]:
    """Every file of the project with its digest and mode."""
    return {
        str(path.relative_to(shop.folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode)
        for path in shop.folder.rglob("*") if path.is_file() and ".git/" not in f"{path}/"
    }  # fmt: skip


def journals(shop: Shop) -> str:
    return "".join(path.read_text() for path in state(shop).rglob("*.jsonl"))


def test_a_plain_doctor_writes_nothing(shop: Shop) -> None:
    before = tree(shop)
    assert doctor(shop).code == 1
    assert tree(shop) == before
    assert not state(shop).exists()


def test_without_a_yes_nothing_is_written(shop: Shop) -> None:
    before = tree(shop)
    found = doctor(shop, "--fix")
    assert found.code == 5
    assert "not a terminal" in found.stderr
    assert "--yes" in found.stderr
    assert "-file_template = %(year)d_%%(slug)s\n-version_num_format = %04d\n+file_template = %%" in found.stdout
    assert "--- a/alembic.ini" in found.stdout
    assert tree(shop) == before
    assert not state(shop).exists()


def test_a_fix_is_written_checked_journalled_and_undone(shop: Shop) -> None:
    before = tree(shop)
    found = doctor(shop, "--fix", "--yes")
    assert found.code == 0, found.stderr
    assert (shop.folder / "alembic.ini").read_text() == f"{INI}file_template = %%(year)d_%%(slug)s\n"
    assert {name for name in tree(shop) if tree(shop)[name] != before.get(name)} == {"alembic.ini"}
    assert "not tried: the application starts in a sandbox project (--no-engine)" in found.stdout
    assert "MIG5" not in doctor(shop).stdout
    (undo,) = [line.split()[1:] for line in found.stdout.splitlines() if line.startswith("  undo")]
    assert undo[:2] == ["migops", "doctor"]
    back = migops(*undo[1:], "--yes", cwd=shop.folder, env={**NO_ENGINE, "XDG_STATE_HOME": str(state(shop))})
    assert back.code == 0, back.stderr
    assert tree(shop) == before
    assert doctor(shop, "--undo", "1", "--yes").code == 0, "it is as it was, and may be asked for twice"
    assert '"outcome": "done"' in journals(shop)
    assert doctor(shop, "--undo", "1").code == 5, "it asks"
    made = doctor(shop, "--undo", "1", "--yes", "--format", "json").json
    assert (made["command"], made["run"], made["files"]) == ("doctor --undo", 1, [])


def test_the_options_of_rules(shop: Shop) -> None:
    assert doctor(shop, "--fix", "MIG505", "--yes").code == 0, "it has no finding of that rule"
    assert "%(year)d" in (shop.folder / "alembic.ini").read_text()
    assert doctor(shop, "--fix", "MIG99", "--yes").code == 2
    assert doctor(shop, "--fix", "MIG505", "--ignore", "MIG5", "--yes").code == 2
    assert doctor(shop, "--fix=MIG505,ini-interpolation", "--yes", "app").code == 0
    assert "%%(year)d" in (shop.folder / "alembic.ini").read_text()


def test_the_document_is_one_and_has_everything(shop: Shop) -> None:
    shop.write("alembic.ini", f"{BROKEN}x = {URL}\n")
    found = doctor(shop, "--fix", "--yes", "--format", "json")
    made = found.json
    assert (found.code, made["outcome"], made["run"], made["schema"]) == (0, "fixed", 1, 1)
    assert {each["rule"] for each in made["fixed"]} == {"MIG501"}
    assert [(each["path"], each["change"]) for each in made["files"]] == [("alembic.ini", "edited")]
    assert [each["rule"] for each in made["not_edited"]] == ["MIG503"], "nobody knows who reads the option x"
    assert SECRET not in found.stdout + found.stderr + journals(shop)
    refused = doctor(shop.write("alembic.ini", BROKEN), "--fix", "--format", "json")
    assert (refused.code, refused.json["error"]["exit"]) == (5, 5)


class TestUrl:
    @pytest.fixture
    def shop(self, tmp_path: Path) -> Shop:
        made = Shop.at(tmp_path).line("001").write("alembic.ini", f"{INI}sqlalchemy.url = {URL}\n")
        (made.folder / "migrations/env.py").write_bytes(SYNC)
        return made.write("compose.yaml", f"{COMPOSE}    environment:\n      DATABASE_URL: {URL}\n")

    def test_it_moves_to_env_py(self, shop: Shop) -> None:
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 0, found.stdout + found.stderr
        assert (shop.folder / "alembic.ini").read_text() == INI
        assert LINE in (shop.folder / "migrations/env.py").read_bytes()
        assert "postgresql://shop:***@db" in found.stdout
        assert SECRET not in found.stdout + found.stderr + journals(shop)
        assert "change the password" in found.stdout
        saved = next(state(shop).rglob("*-alembic.ini"))
        assert SECRET in saved.read_text()
        assert saved.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize(
        ("variables", "reason"),
        [
            ("{DATABASE_URL: 'postgresql://shop:kAn4ry-s3cret@db:5432/other'}", "name different databases"),
            ("{DATABASE_URL: 'postgresql://shop:another@db:5432/shop'}", "have different passwords"),
            ("{DEBUG: '1'}", "no variable of the service app has a database URL"),
        ],
    )
    def test_it_stays_where_the_environment_says_something_else(
        self, shop: Shop, variables: str, reason: str
    ) -> None:  # fmt: skip
        shop.write("compose.yaml", f"{COMPOSE}    environment: {variables}\n")
        before = tree(shop)
        found = doctor(shop, "--fix", "MIG503", "--yes")
        assert found.code == 1
        assert reason in " ".join(found.stdout.split())
        assert tree(shop) == before

    def test_it_stays_where_another_service_lacks_the_variable(self, shop: Shop) -> None:
        worker = "  worker:\n    build: .\n    command: [sleep, '1']\n"
        shop.write("compose.yaml", f"{COMPOSE}    environment: {{DATABASE_URL: '{URL}'}}\n{worker}")
        assert "worker may run Alembic with the same image" in " ".join(doctor(shop, "--fix", "MIG503").stdout.split())

    def test_it_stays_where_something_else_reads_it(self, shop: Shop) -> None:
        shop.write("tests/conftest.py", 'url = Config("alembic.ini").get_main_option("sqlalchemy.url")\n')
        assert "tests/conftest.py:1 reads the URL" in " ".join(doctor(shop, "--fix", "MIG503").stdout.split())

    def test_it_stays_where_a_pipeline_would_lack_the_variable(self, shop: Shop) -> None:
        """There alembic.ini is all that the run has: env.py would end with a KeyError after the commit."""
        steps = "jobs: {test: {steps: [{run: docker compose exec app alembic check}, {run: true}]}}\n"
        shop.write(".github/workflows/ci.yml", steps)
        assert "take sqlalchemy.url out" in " ".join(doctor(shop, "--fix", "MIG503").stdout.split())
        shop.write(".github/workflows/ci.yml", f"{steps}# x\n  - run: alembic upgrade head\n")
        shown = " ".join(doctor(shop, "--fix", "MIG503").stdout.split())
        assert "ci.yml:3 runs Alembic where nothing sets DATABASE_URL" in shown
        shop.write(".github/workflows/ci.yml", "- run: alembic upgrade head\n  env: {DATABASE_URL: x}\n")
        assert "take sqlalchemy.url out" in " ".join(doctor(shop, "--fix", "MIG503").stdout.split())

    def test_a_driver_that_differs_is_swapped(self, shop: Shop) -> None:
        other = URL.replace("postgresql://", "postgresql+asyncpg://")
        shop.write("compose.yaml", f"{COMPOSE}    environment: {{DB: '{other}'}}\n")
        assert doctor(shop, "--fix", "--yes").code == 0
        line = b'os.environ["DB"].replace("postgresql+asyncpg://", "postgresql://", 1).replace("%", "%%")'
        assert line in (shop.folder / "migrations/env.py").read_bytes()

    def test_a_url_that_is_missing_is_read_from_the_environment(self, shop: Shop) -> None:
        shop.write("alembic.ini", INI)
        assert doctor(shop, "--fix", "--yes").code == 0
        assert LINE in (shop.folder / "migrations/env.py").read_bytes()

    def test_a_driver_that_does_not_suit_the_engine_is_not_written(self, shop: Shop) -> None:
        other = URL.replace("postgresql://", "postgresql+asyncpg://")
        shop.write("alembic.ini", INI).write("compose.yaml", f"{COMPOSE}    environment: {{DB: '{other}'}}\n")
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 1
        assert "env.py makes a synchronous engine" in " ".join(found.stdout.split())

    def test_a_percent_sign_is_doubled(self, shop: Shop) -> None:
        url = URL.replace(SECRET, "a%40b")
        text = "import os\nfrom alembic import context\nconfig = context.config\n"
        text += 'config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\n'
        shop.write("alembic.ini", INI).write("migrations/env.py", text)
        shop.write("compose.yaml", f"{COMPOSE}    environment: {{DATABASE_URL: '{url}'}}\n")
        found = doctor(shop, "--fix", "MIG504", "--yes")
        assert found.code == 0, found.stdout
        assert 'os.environ["DATABASE_URL"].replace("%", "%%"))' in (shop.folder / "migrations/env.py").read_text()


class TestIgnoreFile:
    def test_the_one_that_the_builder_reads(self, shop: Shop) -> None:
        shop.write("alembic.ini", INI).write("Dockerfile.dockerignore", "**/versions\n").write(".env", "A=1\n")
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 0, found.stdout
        lines = (shop.folder / "Dockerfile.dockerignore").read_text().splitlines()
        assert lines == ["**/versions", "!migrations/versions/*.py", "**/.env"]
        assert (shop.folder / ".dockerignore").read_text() == ".git\n"

    def test_one_is_made_where_there_is_none(self, shop: Shop) -> None:
        (shop.folder / ".dockerignore").unlink()
        before = tree(shop.write("alembic.ini", INI).write(".env", "A=1\n"))
        assert doctor(shop, "--fix", "--yes").code == 0
        assert (shop.folder / ".dockerignore").read_text() == "**/.env\n"
        assert doctor(shop, "--undo", "1", "--yes").code == 0
        assert tree(shop) == before

    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [
            ("settings.py", "from dotenv import load_dotenv\nload_dotenv()\n", "settings.py:1 reads it"),
            ("Dockerfile", "FROM x\nCOPY . /app\nWORKDIR /app\nCOPY .env /app/\n", "copies it by its name"),
        ],
    )
    def test_a_file_that_is_needed_stays(self, shop: Shop, name: str, text: str, reason: str) -> None:
        shop.write("alembic.ini", INI).write(".env", "A=1\n").write(name, text)
        before = tree(shop)
        found = doctor(shop, "--fix", "MIG106", "--yes")
        assert found.code == 1
        assert reason in " ".join(found.stdout.split())
        assert tree(shop) == before

    def test_a_file_whose_values_come_from_compose_may_go(self, shop: Shop) -> None:
        shop.write("alembic.ini", INI).write(".env", "A=1\n").write("settings.py", "import dotenv\n")
        given = f"{COMPOSE}    env_file: .env\n"
        shop.write("compose.yaml", f"{given}  worker:\n    build: .\n")
        found = doctor(shop, "--fix", "MIG106", "--yes")
        assert found.code == 1, "the worker would lose it"
        assert "compose does not give every service its values" in " ".join(found.stdout.split())
        assert doctor(shop.write("compose.yaml", given), "--fix", "MIG106", "--yes").code == 0

    def test_another_file_of_that_name_stays_where_it_is(self, shop: Shop) -> None:
        shop.write("alembic.ini", INI).write("app/.env", "A=1\n").write("other/.env", "A=1\n")
        shop.write("Dockerfile", "FROM x\nWORKDIR /app\nCOPY app .\nCOPY migrations migrations\nCOPY alembic.ini .\n")
        assert doctor(shop, "--fix", "MIG106", "--yes").code == 0
        assert (shop.folder / ".dockerignore").read_text() == ".git\napp/.env\n"


class TestByName:
    @pytest.fixture
    def script(self, shop: Shop) -> Path:
        shop.write("alembic.ini", INI).write("start.sh", "#!/bin/sh\r\nexec python main.py\r\n")
        shop.write("Dockerfile", 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["./start.sh"]\n')
        path = shop.folder / "start.sh"
        path.chmod(0o755)
        return path

    def test_line_ends(self, shop: Shop, script: Path) -> None:
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 1
        assert "only with --fix MIG108" in " ".join(found.stdout.split())
        assert b"\r\n" in script.read_bytes()
        found = doctor(shop, "--fix", "MIG108", "--yes")
        assert found.code == 0, found.stdout + found.stderr
        assert "2 lines from CRLF to LF" in found.stdout
        assert script.read_bytes() == b"#!/bin/sh\nexec python main.py\n"
        assert script.stat().st_mode & 0o777 == 0o755

    def test_the_x_bit(self, shop: Shop, script: Path) -> None:
        script.write_bytes(b"#!/bin/sh\nexec python main.py\n")
        script.chmod(0o640)
        found = doctor(shop, "--fix", "script-cannot-start", "--yes")
        assert found.code == 0, found.stdout + found.stderr
        assert "executable: mode 0640 becomes 0750" in found.stdout
        assert script.stat().st_mode & 0o777 == 0o750
        assert doctor(shop, "--undo", "1", "--yes").code == 0
        assert script.stat().st_mode & 0o777 == 0o640

    def test_create_all_is_shown_and_not_edited(self, shop: Shop) -> None:
        shop.write("alembic.ini", INI).write("main.py", "from models import Base\nBase.metadata.create_all(engine)\n")
        before = tree(shop)
        found = doctor(shop, "--fix", "MIG601", "--yes")
        assert found.code == 1
        words = " ".join(found.stdout.split())
        assert "`Base.metadata.create_all(engine)`: main.py:2; migops never edits application code" in words
        assert tree(shop) == before


class TestFiles:
    def test_bytes_ends_and_mode_are_kept(self, shop: Shop) -> None:
        path = shop.folder / "alembic.ini"
        path.write_bytes("# й 100%\r\n".encode() + BROKEN.replace("\n", "\r\n").encode())
        path.chmod(0o664)
        assert doctor(shop, "--fix", "--yes").code == 0
        expected = f"# й 100%\n{INI}file_template = %%(year)d_%%(slug)s\n".replace("\n", "\r\n").encode()
        assert path.read_bytes() == expected
        assert path.stat().st_mode & 0o777 == 0o664

    def test_a_symlink_within_the_project_is_followed(self, shop: Shop) -> None:
        path = shop.folder / "alembic.ini"
        path.rename(shop.folder / "real.ini")
        path.symlink_to("real.ini")
        assert doctor(shop, "--fix", "--yes").code == 0
        assert path.is_symlink()
        assert "%%(year)d" in (shop.folder / "real.ini").read_text()

    def test_what_is_not_ours_to_edit_is_refused(self, shop: Shop, tmp_path: Path) -> None:
        path = shop.folder / "alembic.ini"
        path.chmod(0o444)
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 5
        assert "read-only" in found.stderr
        path.chmod(0o644)
        os.link(path, tmp_path / "other")
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 5
        assert "2 hard links" in found.stderr
        assert path.read_text() == BROKEN

    def test_another_run_is_not_disturbed(self, shop: Shop) -> None:
        assert doctor(shop, "--fix", "--yes").code == 0
        folder = next(state(shop).rglob("journal")).parent
        shop.write("alembic.ini", BROKEN)
        other = folder_at(state(shop) / "migops" / "another-engine" / "shop")
        for locked in (folder, other):
            with host_lock(locked, "rebuild-and-migrate"):
                found = doctor(shop, "--fix", "--yes")
            assert found.code == 4, "the files are the same, whichever engine the other run uses"
            assert (shop.folder / "alembic.ini").read_text() == BROKEN
        assert doctor(shop, "--undo", "9", "--yes").code == 2
        assert doctor(shop.write("alembic.ini", FIXED), "--undo", "1", "--yes").code == 0, "it is in another folder"
        assert (shop.folder / "alembic.ini").read_text() == BROKEN

    def test_a_change_after_the_reading_is_not_overwritten(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        refuse = writing.refuse

        def edited(edit: FileEdit, root: Path) -> None:
            shop.write("alembic.ini", f"{BROKEN}# mine\n")
            refuse(edit, root)

        monkeypatch.setattr(writing, "refuse", edited)
        found = doctor(shop, "--fix", "--yes")
        assert found.code == 5
        assert "was changed since migops read it" in found.stderr
        assert (shop.folder / "alembic.ini").read_text() == f"{BROKEN}# mine\n"


@pytest.fixture
def wrong(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """MIG501 has a fixer that removes the finding and breaks something else."""
    ini, other = shop.folder / "alembic.ini", shop.folder / "notes"

    def fixer(evidence: object, finding: object) -> Fix:
        return Fix("MIG501", "wrong", (FileEdit(other, None, b"x"), FileEdit(ini, ini.read_bytes(), b"[other]\n")))

    monkeypatch.setattr(registry, "FIXERS", {"MIG501": fixer})
    monkeypatch.setattr("migops.commands.fix.plan.FIXERS", {"MIG501": fixer})
    return shop


class TestPutBack:
    def test_what_fails_the_check_is_put_back(self, wrong: Shop) -> None:
        before = tree(wrong)
        found = doctor(wrong, "--fix", "--yes")
        assert found.code == 6, found.stderr
        assert "all files were put back, byte for byte" in found.stderr
        assert tree(wrong) == before
        assert '"outcome": "failed"' in journals(wrong)

    def test_what_cannot_be_put_back_is_named(self, wrong: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        replace = writing.replace

        def full(path: Path, content: bytes, mode: int | None = None) -> None:
            if content == BROKEN.encode():
                raise OSError(28, "No space left on device")
            replace(path, content, mode)

        monkeypatch.setattr(writing, "replace", full)
        found = doctor(wrong, "--fix", "--yes")
        assert found.code == 7
        (command,) = [line.split() for line in found.stderr.splitlines() if line.startswith("  cp ")]
        assert "No space left" in found.stderr
        subprocess.run(command, check=True)
        assert (wrong.folder / "alembic.ini").read_text() == BROKEN

    def test_a_killed_run_is_told_and_undone_by_the_next(self, shop: Shop) -> None:
        shop.write(".dockerignore", "**/versions\n")
        before = tree(shop)
        program = (
            "import os, signal\n"
            "from migops.commands.fix import writing\n"
            "from migops.cli.main import run\n"
            "write, done = writing.write, []\n"
            "def once(edit):\n"
            "    os.kill(os.getpid(), signal.SIGKILL) if done else done.append(write(edit))\n"
            "writing.write = once\n"
            "run(['doctor', '--no-engine', '--fix', '--yes'])\n"
        )
        env = {**os.environ, **NO_ENGINE, "XDG_STATE_HOME": str(state(shop))}
        killed = subprocess.run((sys.executable, "-c", program), cwd=shop.folder, env=env, capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        assert sum(tree(shop)[name] != before[name] for name in before) == 1
        asked = doctor(shop, "--fix")
        assert asked.code == 5
        assert "run 1 of doctor --fix was killed before its edits were checked: 1 of 2 files changed" in asked.stderr
        found = doctor(shop, "--fix", "--yes", "--format", "json")
        assert found.code == 0, found.stderr
        assert "put back" in found.stderr
        assert len(found.json["files"]) == 2
        assert doctor(shop, "--undo", str(found.json["run"]), "--yes").code == 0
        assert tree(shop) == before

    def test_files_of_a_project_of_the_same_name_elsewhere_are_left_alone(self, shop: Shop) -> None:
        """Compose names a project by its folder, so that two checkouts often have one name, and one state folder."""
        assert doctor(shop, "--fix", "--yes").code == 0
        journal = next(state(shop).rglob("*.jsonl"))
        lines = [json.loads(line) for line in journal.read_text().splitlines() if '"outcome"' not in line]
        lines[0]["who"] |= {"start": 1, "pid": 2**22 + 1}
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        (shop.folder.parent / "other").mkdir()
        other = Shop.at(shop.folder.parent / "other").line("001").write("alembic.ini", BROKEN)
        named = {"COMPOSE_PROJECT_NAME": shop.folder.name, "XDG_STATE_HOME": str(state(shop))}
        before = tree(shop)
        found = migops("doctor", "--no-engine", "--fix", "--yes", cwd=other.folder, env={**NO_ENGINE, **named})
        assert found.code == 0, found.stderr
        assert "not of this project" in found.stderr
        assert tree(shop) == before

    def test_the_question_of_an_undo_names_the_files(self, shop: Shop) -> None:
        assert doctor(shop, "--fix", "--yes").code == 0
        program = (
            "import sys\nfrom migops.cli import fix\nfrom migops.cli.main import run\n"
            "fix.confirm = lambda question, given: print(question, file=sys.stderr) or False\n"
            "run(['doctor', '--no-engine', '--undo', '1'])\n"
        )
        env = {**os.environ, **NO_ENGINE, "XDG_STATE_HOME": str(state(shop))}
        asked = subprocess.run(
            (sys.executable, "-c", program), cwd=shop.folder, env=env, capture_output=True, text=True
        )
        assert f"Put back {shop.folder / 'alembic.ini'} of run 1?" in asked.stderr
        assert (shop.folder / "alembic.ini").read_text() == FIXED

    def test_a_run_is_undone_without_an_engine_and_without_alembics_files(self, shop: Shop) -> None:
        assert doctor(shop, "--fix", "--yes").code == 0
        (shop.folder / "migrations/env.py").rename(shop.folder / "env.py")
        (shop.folder / "migrations/versions").rename(shop.folder / "versions")
        env = {**NO_ENGINE, "XDG_STATE_HOME": str(state(shop))}
        found = migops("doctor", "--undo", "1", "--yes", cwd=shop.folder, env=env)
        assert found.code == 0, found.stderr
        assert (shop.folder / "alembic.ini").read_text() == BROKEN

    def test_a_file_that_was_edited_since_is_not_undone(self, shop: Shop) -> None:
        assert doctor(shop, "--fix", "--yes").code == 0
        shop.write("alembic.ini", INI)
        found = doctor(shop, "--undo", "1", "--yes")
        assert found.code == 5
        assert "was changed after run 1 wrote it" in found.stderr
        assert (shop.folder / "alembic.ini").read_text() == INI


def test_nothing_to_fix(shop: Shop) -> None:
    shop.write("alembic.ini", INI)
    git(shop.folder, "add", ".")
    found = doctor(shop, "--fix")
    assert (found.code, found.stdout.split()[0]) == (0, "CLEAN"), found.stdout
    assert not state(shop).exists()
