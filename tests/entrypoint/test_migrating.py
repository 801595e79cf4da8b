"""What a start's calls of Alembic do, as far as its text settles it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migops.entrypoint.model import Migrating
from migops.entrypoint.startup import File, ImageCommand, read

ENV = {"DATABASE_URL": "postgresql://db/shop", "GOAL": "head", "EMPTY": ""}


def calls(script: str, env: Mapping[str, str] = ENV, files: Mapping[str, str] | None = None) -> tuple[Migrating, ...]:
    """The writing calls of a container that starts with ``script``, in /app."""
    texts = {"/app/start.sh": f"#!/bin/sh\n{script}\n", **(files or {})}

    def get(path: str) -> File | None:
        return File(texts[path].encode(), path, "image") if path in texts else None

    return read(get, ImageCommand(("/app/start.sh",), (), "/app", env, "image")).migrating


def only(script: str, **more: Mapping[str, str]) -> Migrating:
    (found,) = calls(script, **more)
    return found


@pytest.mark.parametrize(
    "script",
    [
        "alembic upgrade head && exec app",
        "set -e\nalembic upgrade head\nexec app",
        "python -m alembic upgrade head",
        "/venv/bin/alembic-3 upgrade head",
        "exec gosu app alembic upgrade head",
        "poetry run alembic upgrade head",
        "uv run --frozen --no-sync alembic upgrade head",
        "timeout 60 alembic -q upgrade head",
        "WORKERS=4\nalembic upgrade head",
        "export DATABASE_URL=$DATABASE_URL\nalembic upgrade head",
        'export DATABASE_URL="${DATABASE_URL:-sqlite://}"\nalembic upgrade head',
        "export PATH=/venv/bin:$PATH\nalembic upgrade head",
        "PYTHONPATH=. alembic upgrade head",
        "export PYTHONPATH=${PYTHONPATH:-}:/app\nalembic upgrade head",
        "(export DATABASE_URL=x; true)\nalembic upgrade head",
        "cd $NOWHERE\ncd /app\nalembic upgrade head",
        "migrate() { alembic upgrade head; }\nmigrate",
        'if [ "$1" = serve ]; then x; fi\nalembic upgrade head',
        "alembic upgrade $GOAL",
        "alembic upgrade head | tee /tmp/log",
        "su app -c 'alembic upgrade head'",
    ],
)
def test_a_plain_upgrade(script: str) -> None:
    found = only(script)
    assert (found.verb, found.goal, found.doubt) == ("upgrade", ("head",), "")
    assert found.call is not None
    assert (found.call.cwd, found.call.configs, found.call.section) == ("/app", (), "alembic")


@pytest.mark.parametrize(
    ("script", "doubt"),
    [
        ("until alembic upgrade head; do sleep 1; done", "in a loop"),
        ("for i in 1 2; do\n  alembic upgrade head && break\ndone", "in a loop"),
        ("m() { alembic upgrade head; }\nwhile true; do m; sleep 9; done", "in a loop"),
        ("alembic upgrade head &\nexec app", "in the background"),
        ("(sleep 5 && alembic upgrade head) &\nexec app", "in the background"),
        ("export DATABASE_URL=postgresql://db/other\nalembic upgrade head", "DATABASE_URL"),
        ("DATABASE_URL=postgresql://db/other\nalembic upgrade head", "DATABASE_URL"),
        ("DATABASE_URL=postgresql://db/other alembic upgrade head", "DATABASE_URL"),
        ("env PGDATABASE=other alembic upgrade head", "PGDATABASE"),
        ("env -i alembic upgrade head", "env -i"),
        ('export OTHER_URL="${OTHER_URL:-sqlite://}"\nalembic upgrade head', "OTHER_URL"),
        ("unset DATABASE_URL\nalembic upgrade head", "DATABASE_URL"),
        ("TENANT=a\nexport TENANT\nalembic upgrade head", "TENANT"),
        ("set -a\nTENANT=a\nset +a\nalembic upgrade head", "TENANT"),
        ('export "$(cat /run/vars)"\nalembic upgrade head', "$(cat /run/vars)"),
        ('eval "$(tool env)"\nalembic upgrade head', "eval"),
        ("if [ -e /run/x ]; then export TENANT=a; fi\nalembic upgrade head", "TENANT"),
        ("export PYTHONPATH=/other\nalembic upgrade head", "PYTHONPATH"),
        ("export TENANT=a\n/app/inner.sh", "TENANT"),
        ("su - app -c 'alembic upgrade head'", "login shell"),
        ("sudo -u app alembic upgrade head", "sudo"),
        ("pipenv run alembic upgrade head", "pipenv"),
        ("uv run --env-file=.env alembic upgrade head", "--env-file"),
        ("uv run --env-file .env alembic upgrade head", "uv"),
        ("secrets run -- alembic upgrade head", "secrets"),
        ("cd $(where)\nalembic upgrade head", "cd $(where)"),
        ("[ -d /srv ] && cd /srv\nalembic upgrade head", "cd /srv"),
        ("cd -\nalembic upgrade head", "cd -"),
        ("alembic -c $CONFIG upgrade head", "-c $CONFIG"),
        ("alembic -x tenant=$(tenant) upgrade head", "-x"),
        ("alembic upgrade $TARGET", "$TARGET"),
        ("python -c 'from alembic import command; command.upgrade(config, \"head\")'", "a program calls it"),
    ],
)
def test_what_the_text_does_not_settle(script: str, doubt: str) -> None:
    found = only(script, files={"/app/inner.sh": "#!/bin/sh\nalembic upgrade head\n"})
    assert found.verb == "upgrade"
    assert doubt in found.doubt


def test_its_options_and_folder_are_kept() -> None:
    found = only("cd /srv/api\nalembic -c deploy/a.ini -n shop -x tenant=a upgrade heads")
    assert found.call is not None
    assert (found.call.cwd, found.call.configs, found.call.section) == ("/srv/api", ("deploy/a.ini",), "shop")
    assert (found.call.arguments, found.goal, found.doubt) == (("tenant=a",), ("heads",), "")
    assert str(found.at) == "/app/start.sh:3"


@pytest.mark.parametrize(
    ("script", "verb"),
    [
        ("alembic stamp head", "stamp"),
        ("alembic revision --autogenerate -m x", "revision"),
        ("flask db migrate", "migrate"),
        ("alembic downgrade -1", "downgrade"),
    ],
)
def test_other_verbs_that_write(script: str, verb: str) -> None:
    assert only(script).verb == verb


@pytest.mark.parametrize(
    "script",
    ["alembic current", "alembic check", "alembic upgrade head --sql", "echo alembic upgrade head"],
)
def test_what_writes_nothing(script: str) -> None:
    assert calls(script) == ()


def test_flask_migrate_goes_to_head_by_itself() -> None:
    found = only("flask db upgrade")
    assert (found.program, found.goal, found.call, found.doubt) == (("flask", "db"), ("head",), None, "")
    assert "-x tenant=a" in only("flask db upgrade -x tenant=a").doubt
