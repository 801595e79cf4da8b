"""How a deploy ended, as a person and as a script see it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from migops.commands.deploy.result import DeployResult, PlannedStep, PlanResult
from migops.output import View, render

DONE = DeployResult(
    "done", 0, "app runs the new image; the database is at b2", (("keep", "done", 0.01),
    ("migrate", "done", 1.23456)), ("sha256:old", "sha256:new"), (("a1",), ("b2",)), "/state/shop.dump", (),
    journal="/state/journal/000001.jsonl",
)  # fmt: skip
STUCK = DeployResult(
    "operator", 7, "app-1 is unhealthy: no route; the old containers run, and the database has moved on from a1 to b2",
    (("swap", "failed", 2.0),), ("sha256:old", ""), (("a1",), ("b2",)), "/state/shop.dump",
    (("migops", "alembic", "downgrade", "a1"), ("docker", "tag", "x y", "shop")), "check first",
    "/state/journal/000002.jsonl",
)  # fmt: skip


def end_text(result: DeployResult, view: View) -> str:
    return render("rebuild-and-migrate", result, view)


def plan_text(result: PlanResult, view: View) -> str:
    return render("rebuild-and-migrate --dry-run", result, view)


def end_json(result: DeployResult) -> str:
    return render("rebuild-and-migrate", result, View(), "json")


def plan_json(result: PlanResult) -> str:
    return render("rebuild-and-migrate --dry-run", result, View(), "json")


def test_the_state_that_is_left_comes_first_and_what_to_type_last() -> None:
    lines = end_text(STUCK, View(80)).splitlines()
    assert lines[1].startswith("MANUAL ACTION NEEDED  app-1 is unhealthy: no route;")
    assert lines[-2:] == ["  or       migops alembic downgrade a1", "  or       docker tag 'x y' shop"], (
        "no way is called next that is a choice"
    )
    assert "  backup   /state/shop.dump" in lines
    assert "  journal  /state/journal/000002.jsonl" in lines
    assert "  hint     check first" in lines
    assert all(len(line) <= 80 for line in lines)


def test_a_plain_end_has_no_next() -> None:
    text = end_text(DONE, View(120))
    assert "next" not in text
    assert "DONE  app runs the new image; the database is at b2" in text


@pytest.mark.parametrize(("word", "color"), [("done", 32), ("aborted", 33), ("failed", 31), ("operator", 31)])
def test_the_word_alone_is_coloured(word: str, color: int) -> None:
    text = end_text(replace(DONE, outcome=word), View(80, color=True))
    assert text.count("\x1b[") == 2
    assert f"\x1b[{color}m" in text


def test_what_came_from_elsewhere_is_harmless() -> None:
    text = end_text(replace(STUCK, sentence="said \x1b[2J", hint="\x1b]0;x\x07", backup="/s\x1b[1m"), View(80))
    assert "\x1b" not in text
    steps = (PlannedStep("build", "why\x1b[2J", (("docker", "\x1b[2J"),)),)
    pending = (("a\x1b", "m\x1b"),)
    plan = PlanResult("shop", "app\x1b[2J", steps, pending, ("a\x1b",), ("note \x1b",), ("past \x1b",), "SQL")
    assert "\x1b" not in plan_text(plan, View(80))


def test_the_contract() -> None:
    document = json.loads(end_json(STUCK))
    assert list(document) == [
        "schema", "command", "outcome", "exit", "message", "steps", "image", "revisions", "backup", "commands", "hint",
        "next",
    ]  # fmt: skip
    assert (document["schema"], document["outcome"], document["exit"]) == (1, "operator", 7)
    assert document["image"] == {"before": "sha256:old", "after": None}
    assert document["revisions"] == {"before": ["a1"], "after": ["b2"]}
    assert document["commands"][1] == ["docker", "tag", "x y", "shop"]
    assert json.loads(end_json(DONE))["steps"][1] == {"name": "migrate", "status": "done", "seconds": 1.235}
    unread = json.loads(end_json(replace(DONE, revisions=(None, None), backup="", images=("", ""))))
    assert (unread["revisions"], unread["backup"]) == ({"before": None, "after": None}, None)


def test_what_is_not_known_is_null_and_not_nothing() -> None:
    plan = PlanResult("shop", "app", (), None, None)
    document = json.loads(plan_json(plan))
    assert (document["pending"], document["revisions"]["before"], document["sql"]) == (None, None, None)
    assert json.loads(plan_json(replace(plan, pending=(), rows=())))["pending"] == []
