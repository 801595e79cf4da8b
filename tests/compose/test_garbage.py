"""Projects with values of the wrong type anywhere: read, or refused at a file and line, and never a traceback."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migops.compose import ComposeOptions, load
from migops.compose.explain import explain
from migops.compose.render import to_yaml
from migops.core.errors import ExitCode, MigopsError
from tests.compose.projects import ANY_SERVICE, Raw, Tagged, documents, dump

GARBAGE = [
    None, True, 3, -1, 1.5, "", "x", "a=b", "${U}", [], {}, [None], [1], ["x"], [["x"]], [{}], {"a": None}, {"a": "b"},
    {"a": {}}, {"a": [1]}, {"target": "/x"}, {"source": "x"}, {"target": {}}, {"path": 3}, {"name": 3}, {"x-a": 1},
    Raw("2020-01-01"), {"external": {"name": 3}},
]  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A compose file one of whose values is garbage."""
    document = copy.deepcopy(draw(documents(ANY_SERVICE, least=1)))  # parts of it are shared between examples
    if draw(st.booleans()):
        document["services"][draw(st.sampled_from(sorted(document["services"])))]["extends"] = {
            "file": "base.yaml",
            "service": "app",
        }
    places = list(_places(document))
    holder, key = draw(st.sampled_from(places))
    holder[key] = copy.deepcopy(draw(st.sampled_from(GARBAGE)))
    return dump(document)


def _places(value: Any) -> Any:
    if isinstance(value, Tagged):
        yield from _places(value.value)
    elif isinstance(value, (dict, list)):
        for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(entry)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=spoiled(), base=spoiled())
def test_garbage_is_read_or_refused_at_a_place(text: str, base: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "compose.yaml").write_text(text + "\n")
        Path(place, "base.yaml").write_text(base + "\n")
        for interpolate, consistent in ((True, True), (True, False), (False, True)):
            refusal = None
            try:
                project = load(ComposeOptions(), {}, cwd=place, interpolate=interpolate, consistent=consistent)
                assert to_yaml(project)
                assert explain(project.tree, "")
            except MigopsError as error:
                refusal = error
            if refusal is not None:
                assert refusal.exit_code == ExitCode.USAGE
                assert refusal.at is not None
                assert refusal.at.line
