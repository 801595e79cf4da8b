"""How a container's health is read from its inspection; and what the plan says of services without a health check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner

from migops.cli.rebuild_and_migrate import rebuild_and_migrate
from migops.cli.reset import reset
from migops.commands.deploy import health, manual_steps, plan, rollback
from migops.commands.deploy.deploy import Deploy, DeployRecord
from migops.commands.deploy.health import Health, Watch
from migops.commands.deploy.options import Options
from migops.commands.deploy.rollback import Rollback
from migops.commands.deploy.services import DeployedService
from tests.deploy.made import NEW, OLD, inputs, running


def container(status: str = "running", policy: str = "no", code: int = 0, health: str = "") -> dict[str, Any]:
    state: dict[str, Any] = {"Status": status, "ExitCode": code, "Running": status == "running"}
    if health:
        state["Health"] = {"Status": health, "Log": [{"Output": "no answer\n"}]}
    return {"Name": "/shop-app-1", "State": state, "HostConfig": {"RestartPolicy": {"Name": policy}}}


@pytest.mark.parametrize(
    ("found", "restarts", "was_up", "why"),
    [
        (container(), 0, False, ""),
        (container("exited", code=1), 0, False, "it ended with code 1"),
        (container("exited", "on-failure"), 0, True, "it ended with code 0"),  # nothing starts it again
        (container("exited", "always", 1), 0, False, ""),  # the engine does
        (container("dead", "always", 1), 0, False, "it ended with code 1"),
        (container("restarting", "always", 1), 1, False, "it ended with code 1, restarted 1 time"),
        (container("running", "always"), 2, True, "it ended, restarted 2 times"),
        (container("running", "always", health="starting"), 2, False, ""),  # its check decides, while it starts
        (container("running", "always", health="starting"), 3, False, "it ended, restarted 3 times"),
        (container("running", "always", health="healthy"), 1, True, "it ended, restarted 1 time"),
        (container("running", health="unhealthy"), 0, True, "is unhealthy: no answer"),
    ],
)
def test_when_a_container_has_failed(found: dict[str, Any], restarts: int, was_up: bool, why: str) -> None:
    said = health._failure(found, restarts, is_checked="Health" in found["State"], was_up=was_up)
    assert said.removeprefix("does not stay up: ") == why


def test_how_long_it_is_watched() -> None:
    usual = Watch.of(Options())
    assert usual == Watch(0.0, 30.0)
    assert Watch.of(Options(watch=5.0)) == Watch(5.0, 5.0)
    assert Watch.of(Options(watch=0.0)) == Watch(0.0, 0.0)
    assert health._watched("app", False, 29.9, usual).health is Health.WATCHED
    assert health._watched("app", False, 30.0, usual).health is Health.HEALTHY
    assert health._watched("app", True, 0.0, usual).health is Health.HEALTHY
    assert health._watched("app", True, 0.0, Watch(5.0, 5.0)).health is Health.WATCHED


def notes(watch: float | None, *, checked: bool) -> str:
    found = replace(inputs(), unchecked=() if checked else ("app",))
    return "\n".join(plan.make(found, Options(watch=watch)).notes)


def test_the_plan_says_what_up_means() -> None:
    assert "app has no health check" in notes(None, checked=False)
    assert "has run for 30 s without a restart" in notes(None, checked=False)
    assert "has run for 2.5 s without a restart" in notes(2.5, checked=False)
    assert "DONE will only mean that it was started" in notes(0, checked=False)
    assert "app: watched for 7 s more once it is healthy" in notes(7, checked=True)
    assert "watch" not in notes(None, checked=True)


@pytest.mark.parametrize("command", [rebuild_and_migrate, reset], ids=lambda each: each.name)
@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "1e9", "soon", ""])
def test_a_watch_that_is_no_time(seconds: str, command: click.Command) -> None:
    done = CliRunner().invoke(command, ["--watch", seconds])
    assert done.exit_code == 2
    assert "--watch" in done.output


def test_the_plan_says_where_the_way_back_leads() -> None:
    def said(found: Rollback) -> str:
        made = plan.make(replace(inputs(), rollbacks={"app": found}), Options())
        return "\n".join((made.steps[0].why, *made.notes))

    usual = said(Rollback(OLD, OLD, OLD))
    assert "the image that runs now stays" in usual
    assert "not proved" not in usual
    further = said(Rollback(OLD, NEW, OLD, "it is unhealthy", 7, ("a",)))
    assert "the last proved image stays" in further
    assert f"the image of app, {NEW[:19]}, is not proved (it is unhealthy)" in further
    assert f"app is rolled back to {OLD[:19]}, which ran before run 7" in further
    assert f"the rollback tag stays at {OLD[:19]}" in said(Rollback(NEW, NEW, OLD, "it is unhealthy"))
    assert "no image is known that is" in said(Rollback(OLD, OLD, OLD, "it is unhealthy"))


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (container(), ""),  # it was started at 1000, and has run for 30 s
        (container(health="healthy"), ""),
        (container(health="starting"), "shop-app-1 is starting"),
        (container(health="unhealthy"), "shop-app-1 is unhealthy"),
        (container("restarting", "always"), "shop-app-1 is restarting"),
        (container("paused"), "shop-app-1 is paused"),
    ],
)
def test_what_proves_the_image_that_runs(found: dict[str, Any], why: str) -> None:
    found["State"]["StartedAt"] = "1970-01-01T00:16:40Z"
    assert rollback._doubt_of(found, 1030.0, 30.0) == why
    if found["State"]["Status"] == "running" and "Health" not in found["State"]:
        assert rollback._doubt_of(found, 1029.0, 30.0) == "shop-app-1 has run for 29 s, without a health check"
        found["State"]["StartedAt"] = "yesterday"
        assert "not known since when shop-app-1 runs" in rollback._doubt_of(found, 1030.0, 30.0)


def test_what_is_said_of_a_way_back_that_leads_further() -> None:
    nobody = cast("Any", None)
    further = Rollback(OLD, NEW, OLD, "it is unhealthy", 7, ("a",))
    found = replace(inputs(), rollbacks={"app": further})
    made = Deploy(found, Options(), nobody, nobody, nobody, nobody, nobody, DeployRecord(before=("b",)))
    assert manual_steps.went_further(made) == "", "nothing was brought back yet"
    made.record.recreated = True
    assert f"app runs {OLD[:19]} again, as before run 7, not {NEW[:19]}" in manual_steps.went_further(made)
    assert manual_steps.moved_since(made) == "the database was at a then, and is at b now"
    made.record.before = ("a",)
    assert manual_steps.moved_since(made) == ""
    made = replace(made, inputs=replace(found, rollbacks={"app": replace(further, rows=None)}))
    assert "it is not known which revision the database was at before run 7" in manual_steps.moved_since(made)
    made = replace(made, inputs=replace(found, rollbacks={"app": Rollback(OLD, OLD, OLD)}))
    assert (manual_steps.went_further(made), manual_steps.moved_since(made)) == ("", "")


def test_a_service_that_was_down_after_a_killed_deploy_comes_back() -> None:
    stopped = replace(running(), running=False)
    member = DeployedService("app", "shop-app", (stopped,))
    assert not rollback.comes_back({"app": Rollback(OLD, OLD, OLD)}, member)
    assert rollback.comes_back({"app": Rollback(OLD, NEW, OLD, "no container of it runs", 7)}, member)
    assert not rollback.comes_back({}, replace(member, containers=(running(),), one_shot=True))


def test_one_number_is_one_replica() -> None:
    """A compose that was killed leaves the new container beside the one that it was to replace."""
    from migops.commands.deploy.services import scale_of

    found = inputs()
    two = DeployedService("app", "shop-app", (running("app", 1), replace(running("app", 1), id="f" * 64)))
    assert scale_of(found.project, (two,)) == {}
