"""MIG801: a service that waits by itself is not reported, one whose start was not read is not judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judgements.project import START, Project

NO_CONDITION = "depends_on: [db]"
SERVES = "exec python -m app.main\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.at(tmp_path)


PING = """\
import os, time
from sqlalchemy import create_engine
engine = create_engine(os.environ["DATABASE_URL"])
while True:
    try:
        engine.connect().close()
        break
    except Exception as error:
        time.sleep(1)
"""
SOCKET = """\
import socket, time
def is_open():
    return socket.socket().connect_ex(("db", 5432)) == 0
while not is_open():
    time.sleep(1)
"""
TENACITY = """\
from tenacity import retry, stop_after_attempt, wait_fixed
@retry(stop=stop_after_attempt(300), wait=wait_fixed(1))
def init(engine):
    with Session(engine) as session:
        session.exec(select(1))
def main():
    init(engine)
if __name__ == "__main__":
    main()
"""
ATTEMPTS = """\
import asyncio, asyncpg
async def main():
    for attempt in range(30):
        try:
            await asyncpg.connect("postgresql://db")
            return
        except OSError:
            await asyncio.sleep(1)
asyncio.run(main())
"""
WORKER = """\
import time
while True:
    try:
        session.execute(work())
    except Exception:
        pass
    time.sleep(5)
"""

SHELL_WAITS = {
    "until pg_isready": "until pg_isready -h db; do sleep 1; done\n",
    "while not nc": "while ! nc -z db 5432; do sleep 0.1; done\n",
    "psql": "until PGPASSWORD=x psql -h db -c '\\q'; do >&2 echo sleeping; sleep 1; done\n",
    "tcp": "until (echo > /dev/tcp/db/5432) 2>/dev/null; do sleep 1; done\n",
    "python -c": "until python -c 'import socket; socket.create_connection((\"db\", 5432))'; do sleep 1; done\n",
    "in the body": "while true; do\n  if pg_isready -h db; then break; fi\n  sleep 1\ndone\n",
    "for": "for i in $(seq 30); do nc -z db 5432 && break; sleep 1; done\n",
    "in a function": "ready() {\n  until pg_isready -h db; do sleep 1; done\n}\nready\n",
    "retrying the migration": "until alembic upgrade head; do sleep 2; done\n",
    "wait-for-it": "./wait-for-it.sh db:5432 -t 60\n",
    "wait-for-it with a command": "wait-for-it db:5432 -- true\n",
    "dockerize": "dockerize -wait tcp://db:5432 -timeout 60s\n",
}


@pytest.mark.parametrize("text", SHELL_WAITS.values(), ids=SHELL_WAITS)
def test_a_start_script_that_waits(project: Project, text: str) -> None:
    project.write("wait-for-it.sh", "#!/bin/sh\nwhile ! nc -z $1; do sleep 1; done\n")
    judged = project.start(START + text + SERVES, order=NO_CONDITION).doctor("MIG801")
    assert judged.rules == []


SHELL_DOES_NOT_WAIT = {
    "nothing": "",
    "the builtin": "python -m app.main &\npython -m app.models &\nwait\n",
    "the builtin with a process": "python -m app.models &\nwait $!\n",
    "a word": "echo 'please wait for db'\n",
    "a sleep": "sleep 10\n",
    "a loop that only sleeps": "for i in 1 2 3; do sleep 1; done\n",
    "a loop for a file": "while [ ! -f /tmp/ready ]; do sleep 1; done\n",
    "another service": "until nc -z redis 6379; do sleep 1; done\n",
    "a function of that name that sleeps": "wait_a_bit() { sleep 5; }\nwait_a_bit\n",
    "a script of that name that sleeps": "sh wait_for_db.sh\n",
    "a comment": "# wait-for-it db:5432\n",
    "a variable": 'WAIT_FOR_DB=1\necho "$WAIT_FOR_DB"\n',
}


@pytest.mark.parametrize("text", SHELL_DOES_NOT_WAIT.values(), ids=SHELL_DOES_NOT_WAIT)
def test_a_start_script_that_does_not_wait(project: Project, text: str) -> None:
    project.start(START + text + SERVES, order="").write("wait_for_db.sh", "sleep 5\n")
    redis = "  redis: {image: 'redis:7'}\n"
    project.compose("entrypoint: [sh, /app/start.sh]", order=NO_CONDITION, more=redis)
    judged = project.doctor("MIG801")
    assert (judged.rules, judged.reasons("MIG801")) == (["MIG801"], [])


@pytest.mark.parametrize("text", [PING, SOCKET, TENACITY, ATTEMPTS], ids=["ping", "socket", "tenacity", "attempts"])
def test_a_python_program_that_waits(project: Project, text: str) -> None:
    project.start(START + "python ping.py\n" + SERVES, order=NO_CONDITION).write("ping.py", text)
    assert project.doctor("MIG801").rules == []
    project.start(START + SERVES, order=NO_CONDITION).write("app/main.py", "import app.ready\n")
    assert (
        project.write("app/ready.py", text.replace('if __name__ == "__main__":', "if True:")).doctor("MIG801").rules
        == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(10)\n",
        "def init(engine):\n    while True:\n        try:\n            engine.connect()\n            break\n"
        "        except Exception:\n            time.sleep(1)\n",
        "import time\nwhile not done():\n    time.sleep(1)\n",
        WORKER,
    ],
    ids=["a sleep", "nobody calls it", "asks no server", "a worker's own loop"],
)
def test_a_python_program_that_does_not_wait(project: Project, text: str) -> None:
    project.start(START + "python ping.py\n" + SERVES, order=NO_CONDITION).write("ping.py", text)
    assert project.doctor("MIG801").rules == ["MIG801"]


@pytest.mark.parametrize(
    ("line", "base", "reason"),
    [
        ("", "tiangolo/uvicorn-gunicorn-fastapi:python3.10", "was not read"),
        ("entrypoint: [make, run]", "python:3.11", "was not followed"),
        ("entrypoint: [/start]", "python:3.11", "/start was not found"),
        ("entrypoint: [uvicorn, 'other.main:app']", "python:3.11", "was not found"),
        ("volumes: ['data:/app']", "python:3.11", "a volume is mounted over /app"),
    ],
)
def test_a_start_that_was_not_read_is_not_judged(project: Project, line: str, base: str, reason: str) -> None:
    project.compose(order=NO_CONDITION)
    assert project.doctor("MIG801").rules == ["MIG801"], "as it is read, it does not wait"
    judged = project.compose(line, order=NO_CONDITION).dockerfile('CMD ["python", "-m", "app.main"]', base=base)
    found = judged.doctor("MIG801")
    assert found.rules == []
    assert reason in found.reasons("MIG801")[0]
    assert found.reasons("MIG801")[0].endswith("so it is not known whether it waits for db")


def test_a_start_that_was_not_read_behind_a_condition_is_no_question(project: Project) -> None:
    project.compose("entrypoint: []", "command: make run")
    judged = project.doctor("MIG801")
    assert (judged.rules, judged.reasons("MIG801")) == ([], [])


def test_a_waiting_script_that_cannot_be_read_waits_by_its_name(project: Project) -> None:
    project.start(START + "/opt/wait_for_db.sh\n" + SERVES, order=NO_CONDITION)
    judged = project.doctor("MIG801")
    assert (judged.rules, judged.reasons("MIG801")) == ([], [])


def test_a_sibling_that_never_connects_needs_no_order(project: Project) -> None:
    sibling = "  other:\n    build: .\n    command: python -m app.models\n"
    judged = project.compose(more=sibling).doctor("MIG801")
    assert judged.rules == []
    url = "    environment: {DATABASE_URL: 'postgresql://shop:t4k9xW2q@db:5432/shop'}\n"
    judged = project.compose(more=sibling + url).doctor("MIG801")
    assert judged.of("MIG801")["facts"]["services"] == ["other"]
    judged = project.compose(more=sibling + "    depends_on: [db]\n").doctor("MIG801")
    assert judged.of("MIG801")["facts"]["services"] == ["other"]


def test_a_base_image_from_scratch_has_no_entrypoint(project: Project) -> None:
    project.write("Dockerfile", 'FROM python:3.11 AS build\nFROM scratch\nWORKDIR /app\nCOPY . .\nCMD ["/app/serve"]\n')
    assert project.write("serve", "").doctor("MIG602").reasons("MIG602") == []
