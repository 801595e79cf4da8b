"""Secrets in what others print: nothing of them is shown, journalled or written, whoever prints them, and however."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import warm
from tests.deploy.stack import PRICE, Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.kit import Result

pytestmark = pytest.mark.engine

CANARIES = {
    name: f"Canary-{name.title()}7/é"
    for name in ("env", "query", "envfile", "secret", "arg", "user", "image", "dict", "json", "words", "header")
}
PRINT = """
import base64, json, os, urllib.parse
url, token, more = os.environ["DATABASE_URL"], os.environ["API_TOKEN"], os.environ["OTHER_URL"]
secret = open("/run/secrets/dbpw").read()
print("the URL", url, "bare", url.split(":")[2].split("@")[0], flush=True)
print("bare", token, os.environ["SIGNING_KEY"], os.environ["BAKED_SECRET"], secret, flush=True)
print(repr(os.environ["CERT_PRIVATE"]), os.environ["CERT_PRIVATE"], urllib.parse.quote(token, safe=""), flush=True)
print(base64.b64encode(token.encode()).decode(), json.dumps([token]), more, urllib.parse.unquote(more), flush=True)
"""
RAISE = (
    "raise RuntimeError(token + secret + repr({{'password': '{dict}'}}) + '{{\"password\": \"{json}\"}} '"
    " 'host=db user=x password={words} dbname=y Authorization: Bearer {header}')"
).format(**CANARIES)
PHRASE = "print('FATAL:  password authentication failed for user \"shop\"')"


def with_canaries(box: Sandbox) -> Stack:
    found = stack(box, password="CanaryUrl7-of-the-database", migrated=True)
    quoted = CANARIES["query"].replace("/", "%2F").replace("é", "%C3%A9")
    cert = "-----BEGIN PRIVATE KEY-----\\nMIICanaryLine1\\nMIICanaryLine2\\n-----END PRIVATE KEY-----"
    edit(
        found.project / "compose.yaml", "    build: .\n",
        f"    build: {{context: ., args: {{PIP_TOKEN: {CANARIES['arg']}}}}}\n    secrets: [dbpw]\n"
        "    env_file: more.env\n",
    )  # fmt: skip
    edit(
        found.project / "compose.yaml", "    environment:\n      DATABASE_URL",
        f"    environment:\n      API_TOKEN: {CANARIES['env']}\n      CERT_PRIVATE: \"{cert}\"\n"
        f"      OTHER_URL: 'postgresql://u@h/d?password={quoted}&sslmode=prefer'\n      DATABASE_URL",
    )  # fmt: skip
    edit(
        found.project / "compose.yaml",
        "\nvolumes:\n  dbdata:",
        "\nsecrets: {dbpw: {file: ./pw.txt}}\nvolumes:\n  dbdata:",
    )
    (found.project / "pw.txt").write_text(CANARIES["secret"] + "\n")
    (found.project / "more.env").write_text(f"SIGNING_KEY={CANARIES['envfile']}\n")
    dockerfile = found.project / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace(
        "COPY . .\n", f"ENV BAKED_SECRET={CANARIES['image']}\nARG PIP_TOKEN\nCOPY . .\n"
    ))  # fmt: skip
    return found


def shown_by(found: Stack, *words: str) -> Result:
    done = warm.run((sys.executable, "-m", "migops", *words), cwd=found.project, env=found.env, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr)


def leaks(found: Stack, *said: Result) -> list[str]:
    """Every line that has a canary: of what was said, and of all files of the state but for the dumps and the old
    definition, which holds the old environment and is as private as a dump."""
    texts = [each.stdout + each.stderr for each in said]
    files = [path for path in found.state.rglob("*") if path.is_file()]
    texts += [path.read_text() for path in files if path.suffix != ".dump" and path.parent.name != "definitions"]
    return [line for text in texts for line in text.splitlines() if "anary" in line or "Q2FuYXJ5" in line]


def test_nothing_that_a_build_a_migration_and_the_app_print_leaves_a_secret(sandbox: Sandbox) -> None:
    found = with_canaries(sandbox)
    good = (found.project / "Dockerfile").read_text()
    index = f"https://bot:{CANARIES['user']}@127.0.0.1:9/simple"
    (found.project / "Dockerfile").write_text(f"{good}RUN echo token is $PIP_TOKEN from {index}; false\n")
    built = found.deploy("--no-backup", "--cache")
    assert built.code == 5, built.stderr
    assert "token is ***" in built.stderr
    (found.project / "Dockerfile").write_text(good)

    body = "\n    ".join([*PRINT.strip().splitlines(), PHRASE, RAISE.replace("raise RuntimeError", "raise SystemExit")])
    script = found.write("c0ffee000001", PRICE, body)
    migrated = found.deploy("--no-backup", "--cache")
    assert migrated.code in (6, 7), migrated.stderr
    assert "the URL postgresql+psycopg://shop:***@db:5432/shop bare ***" in migrated.stderr
    assert 'password authentication failed for user "shop"' in migrated.stderr
    assert found.rows() == [PRICE]
    script.unlink()

    found.write("c0ffee000002", PRICE, "pass")
    (found.project / "main.py").write_text(PRINT + f"\n{RAISE}\n")
    swapped = found.deploy("--no-backup", "--cache", "--health-timeout", "30")
    assert swapped.code == 7, swapped.stderr
    assert "bare *** *** *** ***" in swapped.stderr

    log = shown_by(found, "log", "--format", "json")
    assert log.code == 0, log.stderr
    assert leaks(found, built, migrated, swapped, log, shown_by(found, "log", "2"), shown_by(found, "status")) == []
    open_ones = [path for path in found.state.joinpath("migops").rglob("*") if path.lstat().st_mode & 0o077]
    assert open_ones == []

    edit(found.project / "compose.yaml", "CanaryUrl7-of-the-database}@db", "password}@db")
    refused = shown_by(found, "status")
    assert 'password authentication failed for user "shop"' in " ".join(refused.stdout.split()), refused.stdout


def test_a_symlink_in_the_state_folder_is_never_followed(sandbox: Sandbox) -> None:
    """The lock, the journal's folder and the override file: each is refused (5), and the file it leads to is whole."""
    found = stack(sandbox)
    found.write("c0ffee000001", PRICE, "pass")
    assert found.deploy("--no-backup", "--cache").code == 0
    (folder,) = found.state.glob("migops/*/*")
    victim = sandbox.path / "victim"
    victim.write_text("precious\n" * 50)
    found.write("c0ffee000002", "c0ffee000001", "pass")
    for name in ("lock", "migrate.compose.yaml"):
        path: Path = folder / name
        path.unlink()
        path.symlink_to(victim)
        done = found.deploy("--no-backup", "--cache")
        assert done.code == 5, done.stderr
        assert "is a symlink" in done.stderr
        assert victim.read_text() == "precious\n" * 50
        assert found.rows() == ["c0ffee000001"]
        path.unlink()
    assert found.deploy("--no-backup", "--cache").code == 0
    assert (folder / "migrate.compose.yaml").stat().st_mode & 0o777 == 0o600
