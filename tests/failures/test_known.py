"""The table of known failures: each entry is recognised by its real texts, explained, and in the documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from migops.analysis.chain import walk
from migops.analysis.evidence import Evidence
from migops.commands.failures import FAILURES, Failure
from migops.commands.failures.document import markdown
from migops.commands.failures.explain import lines
from migops.commands.failures.failure import REPEATED
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.recognise import recognise
from migops.compose import ComposeOptions
from migops.core.model import MigrationSet, PlaceName, Revision
from migops.migrations.build import build
from migops.target import Target, Wanted, resolve
from tests.failures.texts import PASSWORD, TEXTS
from tests.kit import example, migops

ROOT = Path(__file__).parents[2]
CASES = [(name, text) for name, texts in TEXTS.items() for text in texts]
BEFORE = "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.\nTraceback (most recent call last):\n"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return resolve(Wanted(), ComposeOptions(), {}, example("clean", tmp_path))


@pytest.mark.parametrize(("name", "text"), CASES, ids=[f"{name}-{text[:30]}" for name, text in CASES])
def test_each_text_is_recognised_and_explained(name: str, text: str, target: Target) -> None:
    known = recognise(BEFORE + text + "\n")
    assert known is not None
    failure, found = known
    assert failure.name == name
    said = list(lines(failure, found, FailureInputs(target, ["upgrade", "head"])))
    assert said[1] == f"migops: {name}"
    assert said[2] == f"  means  {failure.means}"
    assert any(line.startswith("  fix    ") for line in said)
    assert not any("{" in line and "x-migops" not in line for line in said), "every word is filled in"
    assert PASSWORD not in "\n".join(said)


def test_every_entry_has_a_text() -> None:
    assert sorted(failure.name for failure in FAILURES) == sorted(TEXTS)


def test_what_is_not_known_is_not_explained() -> None:
    assert recognise("FAILED: something that nobody has seen\n") is None
    assert recognise("") is None


def test_only_names_are_repeated() -> None:
    """A group takes names of revisions, hosts, tables, …: of letters, digits and a few signs, and never a value."""
    groups = {name for failure in FAILURES for name in failure.pattern.groupindex}
    assert {re.sub(r"\d+$", "", name) for name in groups} <= REPEATED
    for failure in FAILURES:
        for text in TEXTS[failure.name]:
            known = recognise(text)
            assert known is not None
            assert all(re.fullmatch(r"[\w.:$ /-]*", value) for value in known[1].groupdict("").values()), text


def evidence(target: Target, **places: tuple[str, ...]) -> Evidence:
    """The revisions that each place holds, a straight line each."""
    graphs = {}
    for name, ids in places.items():
        revisions = [Revision(id_, (ids[i - 1],) if i else (), f"/versions/{id_}.py") for i, id_ in enumerate(ids)]
        graphs[PlaceName(name)] = build(revisions)
    held = {place: MigrationSet(("/versions",), {}, tuple(graph.revisions)) for place, graph in graphs.items()}
    return Evidence(walk(held), graphs, target.commands)


def explained(text: str, inputs: FailureInputs) -> str:
    known = recognise(text)
    assert known is not None
    return "\n".join(lines(*known, inputs))


def test_who_has_the_revision_that_was_not_found(target: Target) -> None:
    text = "FAILED: Can't locate revision identified by 'bbb'"
    seen = evidence(target, host=("aaa", "bbb"), image=("aaa",))
    assert "why    bbb is in host but not in image" in explained(text, FailureInputs(target, ["upgrade", "head"], seen))
    seen = evidence(target, host=("aaa",), image=("aaa",))
    assert "bbb is in none of the places read" in explained(text, FailureInputs(target, [], seen))
    assert "named it on the command line" in explained(text, FailureInputs(target, ["upgrade", "bbb"], seen))


def test_revision_ids_that_are_too_long_are_named(target: Target) -> None:
    long = "0009_agent_ownership_public_channel_model"
    said = explained(TEXTS["long-revision-id"][0], FailureInputs(target, [], evidence(target, image=("aaa", long))))
    assert f"longer than 32 characters: {long}" in said


def test_how_the_server_stands_is_seen(target: Target) -> None:
    text = TEXTS["name-not-resolved"][1]
    stopped = explained(text, FailureInputs(target, [], containers={"db": ["Exited (1) 3 minutes ago"]}))
    assert "service db: Exited (1) 3 minutes ago" in stopped
    assert "docker compose up -d --wait db" in stopped
    other = explained(text.replace('"db"', '"postgres"'), FailureInputs(target, []))
    assert "the project has no service postgres, only app, db" in other
    assert "up -d --wait" not in other, "no command with a name that compose does not know"
    assert "is the container that Alembic runs in" in explained(
        TEXTS["connection-refused"][0], FailureInputs(target, [])
    )


def test_that_the_places_could_not_be_read_is_said(target: Target) -> None:
    said = explained(TEXTS["multiple-heads"][0], FailureInputs(target, [], None, "the engine is gone"))
    assert "could not read the places: the engine is gone" in said
    assert "migops alembic --service app merge heads -m merge" in said


def test_what_mysql_has_made_is_not_made_only_if_it_is_missing(target: Target) -> None:
    """MySQL has no ADD COLUMN IF NOT EXISTS, and keeps what a failed run has made."""
    for text in TEXTS["table-exists"] + TEXTS["index-exists"]:
        said = explained(text, FailureInputs(target, []))
        is_kept = any(word in text for word in ("1050", "1060", "1061", "uplicate column", "uplicate key", "mariadb"))
        assert ("leave that out of the script" in said) is is_kept, text
        assert ("if_not_exists=True" in said) is not is_kept, text


def test_the_documentation_lists_them() -> None:
    said = (ROOT / "docs" / "failures.md").read_text()
    assert said == markdown(), "write it anew: python -m migops.commands.failures.document > docs/failures.md"


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_every_entry_is_whole(failure: Failure) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", failure.name)
    assert failure.fix
    assert not failure.means.endswith(".")


@pytest.mark.parametrize("words", [("-m", "alembic", "heads"), ("-m", "alembic.config", "heads")])
def test_a_shadowed_package_as_python_says_it(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "alembic").mkdir()
    (tmp_path / "alembic/__init__.py").touch()
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    known = recognise(done.stderr)
    assert known is not None, done.stderr
    assert known[0].name == "shadowed-package"


def test_explain_knows_every_name(tmp_path: Path) -> None:
    said = migops("explain", "null-values", cwd=tmp_path)
    assert said.code == 0
    assert said.stdout.startswith("null-values\n\nA column becomes NOT NULL")
    listed = migops("explain", cwd=tmp_path).stdout
    assert [failure.name for failure in FAILURES if f"\n{failure.name} " not in listed] == []
    unknown = migops("explain", "no-such-name", cwd=tmp_path)
    assert (unknown.code, unknown.stdout) == (2, "")
    assert "there is no rule or failure 'no-such-name'" in unknown.stderr
