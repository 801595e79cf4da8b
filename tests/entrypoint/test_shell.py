"""What the shell reader says of a failing migration, held to what real shells do with the same text."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migops.core.model import Location
from migops.entrypoint.follow import Follower
from migops.entrypoint.model import File
from migops.entrypoint.record import StartRecord
from migops.entrypoint.shell import NotRead, parse

STOPS = (
    "set -e\nalembic upgrade head\nserve",
    "alembic upgrade head && serve",
    "alembic upgrade head || exit 1\nserve",
    "alembic upgrade head || { echo failed; exit 3; }\nserve",
    "set -euo pipefail\nalembic upgrade head\nexec serve",
    "set -e\nset -o pipefail\nalembic upgrade head | cat\nserve",
    "set -e\ncd / && alembic upgrade head\nserve",
    "set -e\nmigrate() {\n  alembic upgrade head\n}\nmigrate\nserve",
    "set -e\n(alembic upgrade head)\nserve",
    "set -e\nif true; then\n  alembic upgrade head\nfi\nserve",
    'set -e\ncase "$1" in\n  web) alembic upgrade head ;;\n  *) echo other ;;\nesac\nserve',
    "serve_later() { serve; }\nset -e\nalembic upgrade head # then: serve\nserve_later",
    "set -e\ncat <<EOF\nalembic upgrade head || true\nEOF\nalembic upgrade head\nserve",
    "set -e\nenv A=1 alembic -c 'a b.ini' upgrade head > /dev/null 2>&1\nserve",
    "set -e\n{ alembic upgrade head; }\nserve",
    "set -e\nalembic upgrade head &\nwait $!\nserve",
    "set -e\nalembic upgrade head &\nPID=$!\nwait $PID\nserve",
    "set -e\nif ! alembic upgrade head; then\n  echo failed\n  exit 1\nfi\nserve",
    "alembic upgrade head\nRC=$?\nif [ $RC -ne 0 ]; then exit $RC; fi\nserve",
    "set -e\nOUT=$(alembic upgrade head)\nserve",
)
GOES_ON = (
    "alembic upgrade head\nserve",
    "alembic upgrade head; serve",
    "set -e\nalembic upgrade head || true\nserve",
    "set -e\nalembic upgrade head || echo 'never mind'\nserve",
    "alembic upgrade head || alembic stamp head\nserve",
    "set -e\nalembic upgrade head && echo done\nserve",
    "set -e\nalembic upgrade head | cat\nserve",
    "set -e\nalembic upgrade head &\nserve",
    "set -e\nset +e\nalembic upgrade head\nset -e\nserve",
    "set -e\n(alembic upgrade head || :) 2>/dev/null\nserve",
    "migrate() { alembic upgrade head; }\nmigrate\nserve",
    "set -e\nmigrate() { alembic upgrade head; }\nmigrate || true\nserve",
    "set -e\nif true; then\n  alembic upgrade head && echo ok\nfi\nserve",
    "set -e\nsh -c 'alembic upgrade head; true'\nserve",
    "set -e\n{ alembic upgrade head; } &\nserve",
    "set -e\nmigrate() { alembic upgrade head; }\nmigrate &\nserve",
    "set -e\nalembic upgrade head &\nwait\nserve",
    "set -e\nif ! alembic upgrade head; then\n  echo failed\nfi\nserve",
    "set -e\nif ! OUT=$(alembic upgrade head 2>&1); then\n  echo $OUT\nfi\nserve",
    "alembic upgrade head\nif [ $? -ne 0 ]; then\n  echo failed\nfi\nserve",
    "alembic upgrade head\nRC=$?\nif [ $RC != 0 ]; then echo failed; fi\nserve",
)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """An alembic that always fails, but for stamping, and a server that says that it was started."""
    for name, text in (("alembic", '[ "$1" = stamp ]'), ("serve", "echo STARTED")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def runs_on(script: str, programs: Path, shell: str) -> bool:
    done = subprocess.run(
        [shell, "-c", script, shell, "web"], env={"PATH": f"{programs}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    return "STARTED" in done.stdout


def followed(script: str, *arguments: str, environment: dict[str, str] | None = None) -> StartRecord:
    files = {"/app/start.sh": File(script.encode(), "/app/start.sh", "image")}
    found = Follower(files.get, ["/usr/bin"], environment or {})
    found.start(["sh", "start.sh", *arguments], "/app", Location("compose.yaml", 3), "compose file")
    return found.record


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("script", STOPS)
def test_a_failure_that_stops_the_start(script: str, shell: str, programs: Path) -> None:
    if "pipefail" not in script or shell == "bash":  # not every sh has it
        assert not runs_on(script, programs, shell), "so it is in a real shell"
    assert [change.swallowed for change in followed(script, "web").changes] == [""]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("script", GOES_ON)
def test_a_failure_that_is_passed_over(script: str, shell: str, programs: Path) -> None:
    assert runs_on(script, programs, shell), "so it is in a real shell"
    found = followed(script, "web").changes
    assert len(found) == 1
    assert found[0].swallowed


@pytest.mark.parametrize(
    "script",
    [
        "until alembic upgrade head; do sleep 1; done\nserve",
        "if ! alembic upgrade head; then\n  recover\nfi\nserve",
        "alembic upgrade head\nif [ $? -ne 0 ]; then exit 1; fi\nserve",
        "alembic upgrade head || recover\nserve",
    ],
)
def test_where_somebody_asks_nothing_is_said(script: str) -> None:
    assert [change.swallowed for change in followed(script).changes] == [""]


def test_where_it_is_written() -> None:
    change = followed("#!/bin/sh\nset -e\n\n  alembic upgrade head  # first\nexec serve").changes[0]
    assert (str(change.at), change.place, change.text) == (
        "/app/start.sh:4", "image", "alembic upgrade head",
    )  # fmt: skip


def test_the_branch_that_the_argument_chooses() -> None:
    script = 'case "$1" in\n  migrate|up) exec alembic upgrade head ;;\n  *) exec serve ;;\nesac\n'
    assert [change.condition for change in followed(script, "up").changes] == [""]
    assert followed(script, "web").changes == []
    unknown = 'case "$MODE" in\n  migrate) alembic upgrade head ;;\nesac\n'
    assert [change.condition for change in followed(unknown).changes] == ["case $MODE in migrate)"]


def test_a_variable_that_the_container_is_given_decides() -> None:
    script = 'if [ "${MIGRATE:-no}" = yes ]; then\n  alembic upgrade head\nfi\nexec serve\n'
    assert followed(script).changes == []
    assert [change.condition for change in followed(script, environment={"MIGRATE": "yes"}).changes] == [""]
    theirs = "MIGRATE=$(answer)\n" + script
    assert [change.condition for change in followed(theirs).changes] == ['if [ "${MIGRATE:-no}" = yes ]']


@pytest.mark.parametrize("text", ["if true; then", "echo (", "case x in", ")", "fi", "(" * 3000])
def test_what_is_no_script_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotRead):
        parse(text)


PIECES = ("if", "then", "fi", "case", "esac", "in", "do", "done", "while", "{", "}", "(", ")", "&&", "||", ";", ";;")
PIECES += ("|", "&", "!")
PIECES += ("'", '"', "`", "$(", "${", "\\", "<<EOF", ">", "#", "\n", "alembic", "upgrade", "x=", "$@", "[[")
DOUBLING = "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; }}\n" for n in range(40)) + "f40() { f0; echo; }\nf0\n"
HOSTILE = ("(" * 50_000, "if " * 20_000, "'" * 99_999, "$(" * 50_000, "a <<E\n" * 9_999, "\0", "{ " * 180, DOUBLING)


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_text_is_followed_or_refused(pieces: list[str]) -> None:
    text = " ".join(pieces)
    found = followed(text)
    try:
        parse(text)
    except NotRead:
        assert found.unread


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_costs_little(text: str) -> None:
    before = time.process_time()
    followed(text)
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "script",
    [
        "while true; do alembic upgrade head && break; sleep 5; done\nserve",
        "for i in 1 2 3; do alembic upgrade head && break || sleep 5; done\nserve",
    ],
)
def test_what_is_tried_again_is_not_passed_over(script: str) -> None:
    assert [change.swallowed for change in followed(script).changes] == [""]


@pytest.mark.parametrize(
    ("test", "given", "condition"),
    [
        ('[ "$MIGRATE" = 1 ]', {"MIGRATE": "1"}, ""),
        ('[ "$MIGRATE" = 1 ]', {"MIGRATE": "0"}, None),
        ('[ "$MIGRATE" = 1 ]', {}, "[ $MIGRATE = 1 ]"),
        ('test -n "${MIGRATE:-}"', {}, None),
        ('[[ -z "$SKIP" ]]', {"SKIP": "yes"}, None),
        ("[ -f alembic.ini ]", {}, "[ -f alembic.ini ]"),
    ],
)
def test_a_test_before_it(test: str, given: dict[str, str], condition: str | None) -> None:
    found = followed(f"{test} && alembic upgrade head\nserve", environment=given).changes
    assert [change.condition for change in found] == ([] if condition is None else [condition])


def test_what_a_file_of_its_own_says_is_unknown() -> None:
    assert followed("make migrate\nexec serve").unread == [
        "`make migrate` runs commands from a file of its own, which was not followed"
    ]


TALKS = (
    "set -e\nif alembic upgrade head; then\n  echo ok\nelse\n  echo 'Warning: going on'\nfi\nserve",
    "set -e\nif alembic upgrade head; then\n  echo ok\nelse\n  rc=$?\n  echo $rc\nfi\nserve",
    "set -e\nif ! alembic upgrade head; then\n  echo 'never mind'\nfi\nserve",
    "set -e\nif alembic upgrade head; then echo ok; fi\nserve",
    'set -e\nwarn() { echo "$1"; }\nalembic upgrade head || warn failed\nserve',
    'set -e\ncase "$1" in\n  web)\n    alembic upgrade head || echo WARNING\n    exec serve ;;\nesac',
)
ACTS = (
    "set -e\nif alembic upgrade head; then\n  echo ok\nelse\n  echo failed\n  exit 1\nfi\nserve",
    "set -e\nif ! alembic upgrade head; then\n  exit 1\nfi\nserve",
    'set -e\ndie() { echo "$1"; exit 1; }\nalembic upgrade head || die failed\nserve',
    'set -e\nif [ -n "$1" ]; then\n  alembic upgrade head\nfi\nexec serve',
    "set -e\nexec > /dev/null\nalembic upgrade head\nserve",
)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("script", TALKS)
def test_an_answer_that_is_only_talk(script: str, shell: str, programs: Path) -> None:
    assert runs_on(script, programs, shell), "so it is in a real shell"
    assert all(change.swallowed for change in followed(script, "web").changes)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("script", ACTS)
def test_an_answer_that_stops(script: str, shell: str, programs: Path) -> None:
    assert not runs_on(script, programs, shell), "so it is in a real shell"
    assert [change.swallowed for change in followed(script, "web").changes] == [""]


MODES = 'MODE="${1:-api}"\ncase "$MODE" in\n  migrate) alembic upgrade head ;;\n  api) serve ;;\nesac'


@pytest.mark.parametrize(
    ("script", "argument", "found"),
    [
        (MODES, "migrate", [""]),
        (MODES, "api", []),
        ("exec serve\nalembic upgrade head", "", []),
        ("if [ \"$1\" = web ]; then exec serve; fi\nalembic upgrade head", "web", []),
        ("if [ -f x ]; then exec serve; fi\nalembic upgrade head", "", [""]),
        ("exit 0\nalembic upgrade head", "", []),
        (". .venv/bin/activate\nwhile :; do alembic upgrade head && break; done", "", [""]),
        ("(exit 0)\nalembic upgrade head", "", [""]),
        ("exec > >(tee log) 2>&1\nalembic upgrade head", "", [""]),
    ],
)  # fmt: skip
def test_what_is_reached(script: str, argument: str, found: list[str]) -> None:
    assert [change.condition for change in followed(script, *filter(None, [argument])).changes] == found
