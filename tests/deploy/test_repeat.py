"""The command that is printed where a revision may be there in part: it says no more than is needed."""

from __future__ import annotations

import pytest

from migops.commands.deploy import repeat
from migops.commands.deploy.options import Options
from migops.core.errors import ManualActionRequired
from migops.runner.commits.outcome import Outcome, State
from migops.runner.commits.repeating import Doubt, EarlierRuns
from tests.deploy.made import inputs
from tests.deploy.stack import CREATE, PRICE


def test_only_what_is_in_doubt_is_to_be_repeated() -> None:
    unknown = Outcome(State.UNKNOWN, "its trace is lost")
    past = EarlierRuns((Doubt(3, "upgrade", (CREATE,), unknown), Doubt(4, "upgrade", (PRICE,), unknown)))
    with pytest.raises(ManualActionRequired) as caught:
        repeat.refuse(inputs(), past, (CREATE, PRICE, "009"), Options(repeat=("009", CREATE)))
    words = ("migops", "rebuild-and-migrate", "--repeat", CREATE, "--repeat", PRICE, "app")
    assert caught.value.commands[-1] == words
