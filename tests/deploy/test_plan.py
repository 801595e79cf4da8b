"""The plan: which steps, from which facts; and as a person and a script see it, held to golden files.

UPDATE_GOLDEN=1 writes them anew: read the difference before you commit it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from migops.commands.deploy import plan
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.commands.deploy.result import PlanResult
from migops.commands.deploy.services import DeployedService
from migops.commands.deploy.session import Prepared
from migops.core.model import Unknown
from migops.output import View, render
from migops.sources.mounts import Mount
from tests.deploy.made import at, inputs, running
from tests.deploy.stack import CREATE, PRICE, edit
from tests.kit import EXAMPLES, example
from tests.rules.made import ANONYMOUS

GOLDEN = Path(__file__).parent / "golden"
DRY_RUN = "rebuild-and-migrate --dry-run"
USUAL = ["keep", "build", "image", "database", "backup", "migrate", "revision", "swap", "containers"]


def names(found: DeployInputs, options: Options | None = None) -> list[str]:
    return [step.name for step in plan.make(found, options or Options()).steps]


def test_the_steps() -> None:
    assert names(inputs()) == USUAL
    assert names(inputs(), Options(rehearse=True))[4:6] == ["backup", "rehearse"]
    assert "backup" not in names(inputs(), Options(backup=False))


def test_nothing_pending_needs_no_backup() -> None:
    made = plan.make(inputs(database=at(PRICE)), Options(rehearse=True))
    assert made.pending == ()
    assert not {"backup", "rehearse"} & {step.name for step in made.steps}


def test_what_is_pending_is_in_order_and_unknown_is_not_nothing() -> None:
    assert plan.make(inputs(database=at(tables=())), Options()).pending == (CREATE, PRICE)
    assert plan.make(inputs(), Options()).pending == (PRICE,)
    assert plan.make(inputs(database=Unknown("it is not there")), Options()).pending is None


def test_past_this_step_a_signal_no_longer_stops_it() -> None:
    late = [step.name for step in plan.make(inputs(), Options()).steps if step.point_of_no_return]
    assert late == ["migrate", "revision", "swap", "containers"]
    nothing = [step.name for step in plan.make(inputs(database=at(PRICE)), Options()).steps if step.point_of_no_return]
    assert nothing == ["swap", "containers"]


def _several() -> DeployInputs:
    """Services of one image: one that runs once, one with replicas and a volume over the migrations, one stopped."""
    over, data = Mount("volume", ANONYMOUS, "/app/migrations"), Mount("volume", "e" * 64, "/data")
    services = (
        DeployedService("app", "shop-shop", (running("app", 1, over, data),)),
        DeployedService("migrate", "shop-shop", (running("migrate"),), one_shot=True),
    )
    left = {"worker": "it is stopped; to have it started as well, name it"}
    return inputs(EXAMPLES / "several-services", service="app", services=services, left=left)


def _fresh() -> DeployInputs:
    return inputs(image=False, database=Unknown("it does not run"), idle=("db",))


def _entrypoint() -> DeployInputs:
    return inputs(EXAMPLES / "migrating-entrypoint", scale={"app": 3})


CASES = {
    "usual": (inputs, Options()),
    "fresh": (_fresh, Options(cache=True)),
    "several": (_several, Options(backup=False, pull=True)),
    "entrypoint": (_entrypoint, Options(accept_migrating=True, rehearse=True)),
}


def as_shown(name: str) -> PlanResult:
    make, options = CASES[name]
    found = make()
    nobody = cast("Any", None)  # neither the engine nor the user is asked for a plan without SQL
    past = ("run 3 (rebuild-and-migrate, 2026-11-24T03:10:00) was killed during the step build",)
    made = Prepared(found, plan.make(found, options), options, nobody, nobody, past if name == "usual" else ())
    shown = made.shown()
    # Where this checkout lies is no part of what is held.
    return replace(shown, notes=tuple(note.replace(str(EXAMPLES), "/srv") for note in shown.notes))


@pytest.mark.parametrize("name", CASES)
def test_as_it_is_shown(name: str) -> None:
    shown = as_shown(name)
    for width in (80, 120):
        text = render(DRY_RUN, shown, View(width))
        held_to(GOLDEN / f"plan-{name}-{width}.txt", text)
        commands = [line for line in text.splitlines() if line.lstrip().startswith("docker")]
        assert all(len(line) <= width for line in text.splitlines() if line not in commands)
    held_to(GOLDEN / f"plan-{name}.json", render(DRY_RUN, shown, View(), "json"))


def held_to(path: Path, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), f"{path.name} differs; UPDATE_GOLDEN=1 writes it anew"


def test_an_image_that_is_not_built_here_is_fetched(tmp_path: Path) -> None:
    folder = example("clean", tmp_path)
    edit(folder / "compose.yaml", "    build: .\n", "    image: registry.example/shop:1\n    x-migops: {host-dir: .}\n")
    made = plan.make(inputs(folder, service="app"), Options())
    (build,) = [step for step in made.steps if step.name == "build"]
    assert build.commands == (("docker", "compose", "pull", "app"),)
    assert build.why == "pull the image: nothing here builds it"


@pytest.mark.parametrize(("at", "is_known"), [("/app", True), ("/app/migrations", False)])
def test_a_named_volume_over_the_code_is_told(at: str, is_known: bool) -> None:
    found = inputs(containers=(running("app", 1, Mount("volume", "shop_code", at)),))
    notes = plan.make(found, Options()).notes
    assert any("the volume shop_code lies over /app" in note for note in notes) is is_known
    assert "volume" in [step.name for step in plan.make(found, Options()).steps]
