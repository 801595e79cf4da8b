"""The deploy's commands, word for word, and the compose file by which a container is of just one image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from migops.commands.deploy import anonymous, swap
from migops.commands.deploy.commands import Compose, override, rollback_tag, with_override
from migops.commands.deploy.recreate_old import by_image
from migops.commands.deploy.services import DeployedService
from migops.runner.command_lines import Program, compose_run, labels
from migops.sources.mounts import Mount
from tests.deploy.made import inputs, running, target
from tests.kit import EXAMPLES, example
from tests.rules.made import ANONYMOUS

START = ("docker", "compose", "-f", "prod.yml")
COMPOSE = Compose(START)
OVER = Mount("volume", ANONYMOUS, "/app/migrations")


def test_build_and_pull() -> None:
    assert COMPOSE.build(["app"], cache=False, pull=False) == (*START, "build", "--no-cache", "app")
    assert COMPOSE.build(["app", "web"], cache=True, pull=True) == (*START, "build", "--pull", "app", "web")
    assert COMPOSE.pull(["app"]) == (*START, "pull", "app")


def test_swap_takes_only_what_is_named_and_builds_nothing() -> None:
    plain = (*START, "up", "-d", "--no-deps", "--no-build", "--pull", "never")
    assert COMPOSE.recreate(["app"]) == (*plain, "app")
    renewed = ("--force-recreate", "-V", "--scale", "app=3")
    assert COMPOSE.recreate(["app"], renew=True, scale={"app": 3}) == (*plain, *renewed, "app")
    assert COMPOSE.start(["db"]) == (*START, "up", "-d", "--no-deps", "--no-recreate", "db")


def test_a_container_with_what_is_given_up_is_created_anew() -> None:
    (words,) = swap.commands(replace(inputs(), discards=True))
    assert words[words.index("--pull") :] == ("--pull", "never", "--force-recreate", "app")


def test_what_runs_once_is_swapped_first() -> None:
    services = (DeployedService("app", "shop", (running(),)), DeployedService("migrate", "shop", (), one_shot=True))
    found = inputs(services=services, scale={"app": 2})
    words = ("docker", "compose", "up", "-d", "--no-deps", "--no-build", "--pull", "never")
    assert swap.commands(found) == ((*words, "migrate"), (*words, "--scale", "app=2", "app"))
    assert swap.commands(inputs()) == ((*words, "app"),)


@pytest.mark.parametrize(
    ("ref", "tag"),
    [
        ("shop-app", "shop-app:migops-rollback"),
        ("shop-app:1.2", "shop-app:migops-rollback"),
        ("registry.example:5000/team/app:1.2", "registry.example:5000/team/app:migops-rollback"),
        ("registry.example:5000/app", "registry.example:5000/app:migops-rollback"),
        ("team/app@sha256:" + "a" * 64, "team/app:migops-rollback"),
    ],
)
def test_rollback_tag(ref: str, tag: str) -> None:
    assert rollback_tag(ref) == tag


def test_a_detached_run_runs_nothing_but_alembic() -> None:
    """The values of the variables are compose's to hand on: none is in the process list."""
    program = Program(("flask", "db"))
    words = compose_run(
        START, "app", program, ("upgrade", "head"), "migops-shop-migrate", detached=True,
        variables={"PGAPPNAME": "migops-1"}, working_dir="/srv", mount=("--volume", "v:/v"),
    )  # fmt: skip
    assert words == (
        *START, "run", "-d", "--no-deps", "--name", "migops-shop-migrate", *labels(), "--volume", "v:/v", "-T",
        "--env", "PGAPPNAME", "--workdir", "/srv", "--entrypoint", "flask", "app", "db", "upgrade", "head",
    )  # fmt: skip


def test_the_override_keeps_what_the_user_said(tmp_path: Path) -> None:
    """Everything that compose would find by itself is named, because a -f switches that off."""
    folder = example("clean", tmp_path / "with space")
    (folder / "more.env").write_text("POSTGRES_PASSWORD=x\n")
    found = target(folder, env_files=("more.env",))
    assert found.model is not None
    compose = with_override(found.model, Compose(found.commands.compose), ("docker-compose",), "/state/o.yaml")
    assert compose.words == (
        "docker-compose", "-p", "shop", "--project-directory", str(folder), "-f", str(folder / "compose.yaml"),
        "-f", "/state/o.yaml", "--env-file", "more.env",
    )  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Reads compose's own tag as if it were not there."""


_Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node, deep=True))


def test_the_override_names_the_image_and_leaves_out_what_hides_it() -> None:
    service = inputs(EXAMPLES / "named-volume").service
    plain = yaml.load(override(service, "sha256:1"), _Loader)["services"]["app"]
    assert plain == {"image": "sha256:1", "pull_policy": "never"}
    bare = yaml.load(override(service, "sha256:1", ["/app/migrations/versions"]), _Loader)["services"]["app"]
    assert bare["volumes"] == []
    other = yaml.load(override(service, "sha256:1", ["/srv/versions"]), _Loader)["services"]["app"]
    assert "volumes" not in other


def test_an_anonymous_volume_over_the_migrations_makes_the_swap_renew_it() -> None:
    covered = inputs(containers=(replace(running("app", 1, OVER)),))
    assert covered.anonymous == (ANONYMOUS,)
    assert swap.commands(covered)[0][8:10] == ("--force-recreate", "-V")


def test_what_else_is_in_anonymous_volumes_stays_with_its_container() -> None:
    """Of one container the other volumes are named in a file; of several nobody could say which gets which."""
    data = Mount("volume", "e" * 64, "/data$1")
    one = inputs(containers=(running("app", 1, OVER, data, Mount("volume", "shop_named", "/named")),))
    assert anonymous.others(one) == {"app": (data,)}
    assert anonymous.unkept(one) == {}
    assert anonymous.held(one.services) == {"app": (OVER, data)}
    document = json.loads(anonymous.override(anonymous.others(one), {}))
    (key,) = document["volumes"]
    assert document["volumes"][key] == {"name": "e" * 64, "external": True}
    assert document["services"]["app"]["volumes"] == [{"type": "volume", "source": key, "target": "/data$$1"}]

    two = inputs(containers=(running("app", 1, OVER, data), running("app", 2, OVER, data)))
    assert (anonymous.others(two), anonymous.unkept(two)) == ({}, {"app": ("/data$1",)})
    assert anonymous.others(inputs(containers=(running("app", 1, data),))) == {}, "nothing is made anew"


def test_an_old_image_is_named_by_its_id_where_its_name_has_a_digest() -> None:
    document = json.loads(anonymous.override({"app": (OVER,)}, {"app": "sha256:1", "worker": "sha256:2"}))
    assert document["services"]["worker"] == {"image": "sha256:2"}
    assert document["services"]["app"]["image"] == "sha256:1"
    assert document["services"]["app"]["volumes"][0]["target"] == "/app/migrations"


def test_services_of_one_name_each_get_their_own_image_back() -> None:
    app, worker = (
        DeployedService("app", "shop", (running(), running(number=2))),
        DeployedService("worker", "shop", (running("worker"),)),
    )
    found = inputs(EXAMPLES / "several-services", service="app", services=(app, worker))
    words = ("docker", "compose", "up", "-d", "--no-deps", "--no-build", "--pull", "never")
    apart = by_image(found, (app, worker), {"app": "sha256:1", "worker": "sha256:2"}, found.compose)
    assert apart == [([app], (*words, "--scale", "app=2", "app")), ([worker], (*words, "worker"))]
    together = by_image(found, (app, worker), {"app": "sha256:1", "worker": "sha256:1"}, found.compose)
    assert together == [([app, worker], (*words, "--scale", "app=2", "app", "worker"))]
