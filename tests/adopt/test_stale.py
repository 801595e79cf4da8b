"""An image that is not what the host has: build first, wherever the result would rest on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migops.commands.adopt.outcome import Outcome, Stale
from migops.commands.adopt.stale import hint, refuse
from migops.core.errors import Aborted
from migops.output import View, render
from tests.adopt.test_shown import CASES

BUILD = ("docker", "compose", "-f", "prod.yml", "build", "app")
CREATE, PRICE = "3f1c0a7be210", "a94d5e61c8f3"


def stale(name: str, *revisions: str) -> Outcome:
    """A case in which the image has another text of these revisions than the host."""
    return replace(CASES[name], stale=Stale("the host has a newer text", (BUILD,), frozenset(revisions)))


def last(outcome: Outcome) -> str:
    return render("adopt", outcome, View(width=120)).splitlines()[-1]


def test_a_match_that_rests_on_an_old_script_is_refused_with_the_build() -> None:
    with pytest.raises(Aborted) as refused:
        refuse(stale("equal", CREATE))
    assert list(refused.value.commands) == [BUILD]
    assert "the host has a newer text" in str(refused.value)


def test_a_match_below_what_differs_is_not() -> None:
    refuse(stale("equal", PRICE))
    refuse(CASES["equal"])
    assert last(replace(stale("adopted", PRICE))) == "next  docker compose -f prod.yml build app"


@pytest.mark.parametrize("name", ["several", "different", "named"])
def test_without_one_match_the_build_is_next_and_no_stamp_is_offered(name: str) -> None:
    refuse(stale(name, CREATE))
    shown = render("adopt", stale(name, CREATE), View(width=120))
    assert "build first, then adopt again" in shown
    assert last(stale(name, CREATE)) == "next  docker compose -f prod.yml build app"
    assert " stamp " not in shown
    assert "build app" not in render("adopt", CASES[name], View(width=120))


def test_a_trial_that_failed_on_an_old_image_says_build_first() -> None:
    assert hint(stale("equal").stale) == (
        "the image is not what the host has; build first: docker compose -f prod.yml build app"
    )
    assert hint(None) == ""


def test_after_a_stamp_what_is_pending_is_deployed_and_else_all_is_checked() -> None:
    assert last(CASES["adopted"]) == "next  migops rebuild-and-migrate -f prod.yml app"
    assert last(CASES["versioned"]) == "next  migops doctor -f prod.yml app"
