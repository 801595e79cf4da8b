"""Where Alembic is run, and why: judged on containers that are only described."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from migops.core.errors import Unavailable
from migops.core.model import Absent, ImageIdentity, MigrationFile, MigrationSet, PlaceName, Unknown
from migops.migrations.build import build
from migops.migrations.locate import ScriptPaths
from migops.runner import execution_target
from migops.runner.command_lines import Program
from migops.sources.container_model import Container
from migops.sources.environment import Environment
from migops.sources.mounts import Mount

ALEMBIC = Program(("alembic",))
IMAGE = ImageIdentity("shop-app", "sha256:" + "a" * 64)
UNKNOWN = "whether it was created from the service's current definition is not known"
FOLDER = "/app/migrations/versions"


class Engine:
    """Knows the layers of images."""

    def __init__(self, **layers: str) -> None:
        self.layers = layers

    def image(self, ref: str) -> dict[str, Any]:
        if ref not in self.layers:
            raise Unavailable("no such image")
        return {"RootFS": {"Layers": self.layers[ref].split()}, "Config": {"Env": ["A=1"]}}


def held(*names: str, env: str = "env") -> MigrationSet:
    scripts = {name: MigrationFile(name, f"{FOLDER}/{name}", sha256=name) for name in names}
    return MigrationSet((FOLDER,), scripts, environment={"env.py": MigrationFile("env.py", "/app/env.py", env)})


def container(number: int = 1, migrations: MigrationSet | None = None, **changes: Any) -> Container:
    found = Environment(migrations or held("1.py"), build([]), ScriptPaths("/app/migrations", (FOLDER,)), ())
    plain = Container(f"id{number}", f"shop-app-{number}", "app", number, True, False, IMAGE.id, (), found)
    return replace(plain, **changes)


@pytest.fixture(autouse=True)
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine says of containers that run, by their ID."""
    known: dict[str, str] = {}

    def inspect(engine: object, key: str) -> dict[str, Any]:
        return {"State": {"Status": known.get(key, "running")}}

    monkeypatch.setattr(execution_target, "inspect", inspect)
    return known


def choose(
    *containers: Container, image: object = None, engine: Engine | None = None, **changes: Any
) -> execution_target.ExecutionTarget:
    places = {PlaceName.IMAGE: image or held("1.py"), PlaceName.CONTAINER: changes.pop("place", Absent("none"))}
    survey = SimpleNamespace(
        image=changes.pop("identity", IMAGE),
        places=places,
        containers=containers,
        target=SimpleNamespace(service="app", model=None),
    )
    program = changes.pop("program", ALEMBIC)
    return execution_target.choose(survey, program, engine or Engine())  # type: ignore[arg-type]


def test_the_first_running_container_that_is_current() -> None:
    chosen = choose(container(1, running=False), container(2), container(3))
    assert chosen.container is not None
    assert (
        chosen.sentence() == f"in shop-app-2: it runs the current image, and its migrations are the image's; {UNKNOWN}"
    )


def test_a_container_that_sees_the_hosts_folder() -> None:
    mount = Mount("bind", "/srv/migrations", "/app/migrations")
    chosen = choose(container(migrations=held("1.py", "2.py"), mounts=(mount,)))
    assert chosen.sentence().startswith("in shop-app-1: it runs the current image, and the host's folder is mounted in")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"running": False}, "shop-app-1 is not running"),
        ({"image_id": "sha256:bb"}, "shop-app-1 runs another image than the current one"),
        ({"migrations": held("1.py", "2.py")}, "shop-app-1 has other migrations than the image"),
        ({"migrations": held("1.py", env="edited")}, "shop-app-1 has other migrations than the image"),
        (
            {"migrations": held("0.py"), "mounts": (Mount("volume", "v", "/app/migrations"),)},
            "shop-app-1 has other migrations than the image (a volume lies over them)",
        ),
        ({"found": Unknown("shop-app-1: a tmpfs lies over it")}, "shop-app-1: a tmpfs lies over it"),
    ],
)
def test_a_one_off_where_it_is_not_current(changes: dict[str, Any], why: str) -> None:
    chosen = choose(container(**changes))
    assert chosen.container is None
    assert chosen.sentence() == f"in a one-off container of shop-app (aaaaaaaaaaaa): {why}"


def test_of_several_reasons_that_of_a_running_one() -> None:
    assert choose(container(1, running=False), container(2, image_id="sha256:bb")).why.startswith("shop-app-2 runs")


def test_a_paused_container_is_no_place_to_run(states: dict[str, str]) -> None:
    states["id1"] = "paused"
    assert choose(container()).why == "shop-app-1 is paused"


def test_one_off_containers_are_not_taken() -> None:
    assert choose(container(one_off=True)).why == "no container of app exists"
    assert choose(place=Unknown("the engine cannot list them")).why == "the engine cannot list them"


def test_another_id_with_the_same_content() -> None:
    """On the containerd store every build has an ID of its own."""
    other = container(image_id="sha256:bb")
    same = Engine(**{IMAGE.id: "l1 l2", "sha256:bb": "l1 l2"})
    assert choose(other, engine=same).container is other
    changed = Engine(**{IMAGE.id: "l1 l2", "sha256:bb": "l1 l3"})
    assert choose(other, engine=changed).container is None
    assert choose(other, engine=Engine(**{IMAGE.id: "l1 l2"})).container is None, "its image has gone"


def test_the_images_entrypoint_takes_a_one_off() -> None:
    chosen = choose(container(), program=Program(("alembic",), keeps_entrypoint=True))
    assert chosen.container is None


def test_without_an_image_nothing_tells_what_would_be_run() -> None:
    with pytest.raises(Unavailable, match="no such image"):
        choose(container(), identity=None, image=Unknown("no such image"))


def test_an_image_whose_configuration_leads_nowhere_is_asked_all_the_same() -> None:
    chosen = choose(container(), image=Unknown("no script_location is set"))
    assert chosen.container is None
    assert chosen.held is None
