"""``--discard REV``: what only a container has is given up only where no database has had it, and saved first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migops.commands.deploy import discard, plan, preflight
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.core.errors import Aborted, MigopsError
from migops.core.model import Unknown
from migops.rules import RULES, judge
from tests.deploy.made import at, inputs
from tests.deploy.stack import CREATE, PRICE
from tests.deploy.test_preflight import _texts, _with_image
from tests.rules.made import container

TWIN = f"revision = 'e2'\ndown_revision = '{PRICE}'\n"
AFTER = "revision = 'e3'\ndown_revision = 'e2'\n"


def container_only(**given: Any) -> DeployInputs:
    """A container has written e2 and e3; the database is (unless told otherwise) at the image's head."""
    found = inputs(**{"database": at(PRICE), **given})
    scripts = _texts(found)
    written = {"versions/e2_x.py": TWIN, "versions/e3_x.py": AFTER}
    one = container({**scripts, **written}, written=[f"/app/migrations/{name}" for name in written])
    evidence = replace(found.evidence, containers=(one,), chain=_with_image(found, scripts))
    return replace(found, evidence=evidence)


def test_both_must_be_named_and_then_nothing_stands_in_the_way() -> None:
    with pytest.raises(Aborted, match="MIG205") as refused:
        preflight.refuse(container_only(), Options(discard=("e2",)))
    assert "e3" in refused.value.hint
    assert "migops rebuild-and-migrate --discard" in refused.value.hint
    preflight.refuse(container_only(), Options(discard=("e2", "e3")))


def test_an_unknown_revision_is_bad_input() -> None:
    with pytest.raises(MigopsError, match="no revision with this id exists only in a container of app") as refused:
        preflight.refuse(container_only(), Options(discard=("e2", "e3", "nosuch")))
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("database", "said"),
    [
        (at("e2"), "the database is at e2, which is e2 or follows it"),
        (at("e3"), "the database is at e3, which is e2 or follows it"),
        (Unknown("it does not answer"), "the database cannot be read"),
    ],
)
def test_it_is_refused_where_the_database_may_have_had_it(database: Any, said: str) -> None:
    with pytest.raises(Aborted, match=said) as refused:
        preflight.refuse(container_only(database=database), Options(discard=("e2", "e3")))
    assert refused.value.exit_code == 5


def test_it_is_saved_before_anything_else_is_done(tmp_path: Path) -> None:
    found = container_only()
    first = plan.make(found, Options(discard=("e2", "e3"))).steps[0]
    assert first.name == "discard"
    lines: list[str] = []
    deploy: Any = SimpleNamespace(inputs=found, folder=tmp_path, say=SimpleNamespace(line=lines.append))
    saved = first.act(deploy)["saved"]
    assert [Path(path).read_text() for path in saved] == [TWIN, AFTER]
    assert {Path(path).stat().st_mode & 0o777 for path in saved} == {0o600}
    assert lines == [f"e2 is saved: {saved[0]}", f"e3 is saved: {saved[1]}"]
    assert first.act(deploy)["saved"] != saved, "a second one overwrites nothing"


def test_mig205_offers_both_ways_but_not_where_the_database_has_it() -> None:
    def ways(given: DeployInputs) -> list[tuple[str, ...]]:
        (rule,) = [rule for rule in RULES if rule.id == "MIG205"]
        finding = judge([rule], given.evidence)[0][0]
        return [step.command for step in finding.remedy if step.alternative]

    offered = ways(container_only())
    assert offered[0][:2] == ("migops", "rebuild-and-migrate")
    assert "--discard" in offered[0]
    assert offered[1][-2:] == ("--force-recreate", "app")
    assert ways(container_only(database=at("e3"))) == []


def test_what_a_plan_takes_away_is_said() -> None:
    found = inputs(database=at(CREATE))
    texts = found.host.scripts
    name = next(each for each in texts if "price" in each)
    text = texts[name].content.replace(b"op.add_column(", b"op.drop_column('old', 'x'); op.add_column(")
    scripts = {**texts, name: replace(texts[name], content=text)}
    host = replace(found.host, scripts=scripts)
    from migops.analysis.chain import walk
    from migops.core.model import PlaceName

    chain = walk({PlaceName.HOST: host})
    found = replace(found, evidence=replace(found.evidence, chain=chain))
    sentence = f"{PRICE} drops column old.x: that data is lost"
    assert sentence in plan.make(found, Options()).notes
    unknown = replace(found, evidence=replace(found.evidence, database=Unknown("it does not run")))
    assert f"if it is pending: {sentence}" in plan.make(unknown, Options()).notes
    done = replace(found, evidence=replace(found.evidence, database=at(PRICE)))
    assert sentence not in plan.make(done, Options()).notes


def test_descendants_are_taken_from_any_history() -> None:
    assert {"e2", "e3"} <= discard._at_or_after(container_only(), "e2")
