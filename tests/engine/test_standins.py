from __future__ import annotations

import time

import pytest

from tests.engine.sandbox import Sandbox

REQUIREMENTS = """\
alembic
sqlalchemy[asyncio]
asyncpg
psycopg[binary]
psycopg2-binary
flask
flask-sqlalchemy
flask-migrate
fastapi
uvicorn
pytz
"""

DOCKERFILE = """\
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
CMD ["python", "app.py"]
"""

APP = """\
import asyncio, time, asyncpg
async def main():
    connection = await asyncpg.connect("postgresql://app:secret@db/shop")
    print("found by name:", await connection.fetchval("show server_encoding"), flush=True)
asyncio.run(main())
time.sleep(600)
"""

COMPOSE = """\
services:
  app:
    build: .
    depends_on: {db: {condition: service_healthy}}
    stop_grace_period: 0s
  db:
    image: postgres:15
    environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: secret, POSTGRES_DB: shop}
    ports: ["127.0.0.1::5432"]
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: pg_isready -U app -d shop -h 127.0.0.1, interval: 1s, retries: 30}
volumes: {data: {}}
"""


def fill(sandbox: Sandbox, **files: str) -> None:
    for name, text in files.items():
        (sandbox.path / name).write_text(text)


def wait_for(sandbox: Sandbox, container: str, text: str, seconds: float = 120) -> str:
    """The container's log once *text* is in it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        log = sandbox.docker("logs", container, check=False)
        if text in log:
            return log
        time.sleep(0.1)
    raise AssertionError(f"{text!r} never came:\n{log}")


def wait_for_server(sandbox: Sandbox, container: str) -> None:
    """Wait until PostgreSQL answers over TCP: its first start is over then, and it is process 1 of the container.

    The shell that starts it says "init process complete" before, and does not stop on a signal.
    """
    deadline = time.monotonic() + 120
    while "accepting" not in sandbox.docker("exec", container, "pg_isready", "-h", "127.0.0.1", check=False):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_users_dockerfile_and_compose_file_work_unchanged(sandbox: Sandbox) -> None:
    fill(
        sandbox, **{"requirements.txt": REQUIREMENTS, "Dockerfile": DOCKERFILE, "app.py": APP, "compose.yaml": COMPOSE}
    )
    sandbox.compose("up", "--build", "--detach", "--wait")
    log = wait_for(sandbox, f"{sandbox.name}-app-1", "found by name")
    assert "found by name: UTF8" in log
    # published on loopback alone
    port = sandbox.compose("port", "db", "5432").strip()
    assert port.startswith("127.0.0.1:")
    query = ("exec", "-T", "db", "psql", "-U", "app", "shop", "-Atc", "select current_database()")
    assert sandbox.compose(*query).strip() == "shop"


def test_the_container_of_postgres_stops_on_its_signal_and_keeps_its_data(sandbox: Sandbox) -> None:
    volume, name = sandbox.name, f"{sandbox.name}-db"
    mount = f"{volume}:/var/lib/postgresql/data"
    command = ("run", "--detach", "--env", "POSTGRES_PASSWORD=secret", "--volume", mount)
    sandbox.docker(*command, "--name", name, "postgres:15")
    wait_for_server(sandbox, name)
    began = time.monotonic()
    sandbox.docker("stop", "--time", "20", name)
    assert time.monotonic() - began < 10
    assert sandbox.docker("inspect", "--format", "{{.State.ExitCode}}", name).strip() == "0"
    sandbox.docker(*command, "--name", f"{name}2", "postgres:15")
    wait_for(sandbox, f"{name}2", "Skipping initialization")


def test_the_socket_says_ready_while_tcp_does_not_during_initialisation(sandbox: Sandbox) -> None:
    fill(sandbox, **{"slow.sh": "sleep 4\n", "password": "from a file"})
    name = f"{sandbox.name}-db"
    mounts = ("--volume", f"{sandbox.path}/slow.sh:/docker-entrypoint-initdb.d/slow.sh:ro")
    secret = ("--volume", f"{sandbox.path}/password:/run/password:ro", "--env", "POSTGRES_PASSWORD_FILE=/run/password")
    sandbox.docker("run", "--detach", "--name", name, *mounts, *secret, "postgres:15")
    deadline = time.monotonic() + 120
    while "accepting connections" not in sandbox.docker("exec", name, "pg_isready", check=False):
        assert time.monotonic() < deadline
    assert "no response" in sandbox.docker("exec", name, "pg_isready", "-h", "127.0.0.1", check=False)
    log = wait_for(sandbox, name, "PostgreSQL init process complete")
    assert log
    query = ("psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", "show server_encoding")
    deadline = time.monotonic() + 120
    while "UTF8" not in (
        answer := sandbox.docker("exec", "--env", "PGPASSWORD=from a file", name, *query, check=False)
    ):
        assert time.monotonic() < deadline, answer


def test_postgres_without_a_password_refuses_to_start(sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError, match="superuser password is not specified"):
        sandbox.docker("run", "--rm", "--name", sandbox.name, "postgres:15")


def test_scripts_and_initdb_arguments_are_honoured(sandbox: Sandbox) -> None:
    fill(sandbox, **{"a.sql": "create table t (n int); insert into t values (42);"})
    name = f"{sandbox.name}-db"
    options = ("--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--env", "POSTGRES_INITDB_ARGS=--data-checksums")
    script = ("--volume", f"{sandbox.path}:/docker-entrypoint-initdb.d:ro")
    sandbox.docker("run", "--detach", "--name", name, *options, *script, "--env", "POSTGRES_USER=me", "postgres:15")
    wait_for(sandbox, name, "PostgreSQL init process complete")
    query = "psql", "-h", "127.0.0.1", "-U", "me", "-Atc", "select n from t union all select 1 order by 1"
    deadline = time.monotonic() + 120
    while (answer := sandbox.docker("exec", name, *query, check=False)) != "1\n42\n":
        assert time.monotonic() < deadline, answer
    checksums = sandbox.docker("exec", name, "psql", "-U", "me", "-Atc", "show data_checksums")
    assert checksums.strip() == "on"
