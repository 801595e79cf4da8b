"""What a deploy learns from the journals of earlier ones: which is settled, and which image ran before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migops.commands.deploy import deploys
from migops.state import journal
from migops.state.process import ourselves

DEPLOY = "rebuild-and-migrate"
GONE = {**ourselves().record(), "born": "before"}
"""A process whose number belongs to someone else now: it has gone."""


def noted(
    folder: Path, number: int, outcome: str = "", *, command: str = DEPLOY, keep: dict[str, str] | None = None,
    build: dict[str, str] | None = None, rows: list[str] | None = None, steps: tuple[str, ...] = (),
    known: str = "", proved: list[str] | None = None, watched: float = 30,
) -> None:  # fmt: skip
    """The journal of a run whose process has gone. ``steps`` are "step:status" after those that keep, build and rows
    stand for. ``known`` is the image that was seen to be proved when it began, ``proved`` the services whose images
    it has proved, ``watched`` for so many seconds (None: a version that does not note that)."""
    lines: list[dict[str, Any]] = [{"at": "2026", "schema": 1, "run": number, "command": command, "who": GONE}]
    if keep is not None:
        said: dict[str, Any] = {"proved": known, "is_proved": True} if known else {}
        images = {name: {"image": image, "tag": "x", "tagged": image, **said} for name, image in keep.items()}
        lines.append({"step": "keep", "status": "done", "images": images})
    if build is not None:
        lines.append({"step": "build", "status": "done", "images": build})
    if rows is not None:
        lines.append({"step": "database", "status": "done", "rows": rows})
    if proved is not None:
        lines.append({"step": "containers", "status": "done", "proved": proved, "watched": watched})
    lines += [dict(zip(("step", "status"), each.split(":"), strict=True)) for each in steps]
    if outcome:
        lines.append({"at": "2026", "outcome": outcome, "exit": 0})
    (folder / "journal").mkdir(exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"journal/{number:06}.jsonl").write_text(text)


def numbers(folder: Path) -> list[int]:
    return [run.number for run in journal.interrupted(folder)]


def test_a_killed_deploy_is_remembered_until_one_of_its_services_ends_well(tmp_path: Path) -> None:
    noted(tmp_path, 1, keep={"app": "v1"}, steps=("swap:started",))
    assert numbers(tmp_path) == [1]
    noted(tmp_path, 2, "done", command="backup")
    noted(tmp_path, 3, "done", command="alembic upgrade")
    noted(tmp_path, 4, "aborted", keep={"app": "v1"})
    noted(tmp_path, 5, "failed", keep={"app": "v1"}, steps=("swap:started", "keep:undone"))
    noted(tmp_path, 6, "done", keep={"other": "o1"}, steps=("swap:started",))
    assert numbers(tmp_path) == [1], "none of these has proved what runs"
    noted(tmp_path, 7, "done", keep={"app": "v1", "worker": "v1"}, steps=("swap:started",))
    assert numbers(tmp_path) == []


def test_one_that_was_killed_before_its_swap_is_settled_by_any_deploy(tmp_path: Path) -> None:
    noted(tmp_path, 1, keep={"app": "v1"}, steps=("build:started",))
    noted(tmp_path, 2, "done", keep={"other": "o1"})
    assert numbers(tmp_path) == []


def test_the_image_before_a_swap_that_did_not_end_well(tmp_path: Path) -> None:
    noted(tmp_path, 1, "done", keep={"app": "v0"}, build={"app": "v1"}, rows=["a"], steps=("swap:started",))
    found = deploys.find(tmp_path)
    assert deploys.unsettled_swap(found, "app") is None
    assert list(deploys.proved_images(found, "app")) == ["v1"], "an older version's journal does not tell"

    noted(tmp_path, 2, keep={"app": "v1"}, build={"app": "v2"}, rows=["a"], steps=("swap:started",))
    noted(tmp_path, 3, "done", command="backup")
    noted(tmp_path, 4, "aborted", keep={"app": "v1"}, steps=("build:started", "keep:undone"))
    noted(tmp_path, 5, "operator", keep={"app": "v1"}, build={"app": "v3"}, rows=["b"], steps=("swap:started",))
    found = deploys.find(tmp_path)
    assert deploys.unsettled_swap(found, "app") == deploys.UnsettledSwap(2, "v1", ("a",)), "the first with that image"
    assert deploys.unsettled_swap(found, "worker") is None
    assert list(deploys.proved_images(found, "app")) == ["v1"], "neither of the others was proved"

    noted(tmp_path, 6, "failed", keep={"app": "v1"}, build={"app": "v4"}, steps=("swap:started", "keep:undone"))
    assert deploys.unsettled_swap(deploys.find(tmp_path), "app") is None, "the old containers were brought back"


def test_a_second_way_back_is_another_one(tmp_path: Path) -> None:
    noted(tmp_path, 1, keep={"app": "v1"}, rows=["a"], steps=("swap:started",))
    noted(tmp_path, 2, keep={"app": "v2"}, steps=("swap:started",))  # by then v2 was proved by the time that it ran
    assert deploys.unsettled_swap(deploys.find(tmp_path), "app") == deploys.UnsettledSwap(2, "v2", None)


def test_only_what_was_watched_long_enough_is_proved(tmp_path: Path) -> None:
    noted(tmp_path, 1, "done", keep={"app": "v0"}, build={"app": "v1"}, proved=["app"])
    noted(tmp_path, 2, "done", keep={"app": "v1"}, build={"app": "v2"}, proved=[], watched=3)
    noted(tmp_path, 3, "done", keep={"app": "v2"}, build={"app": "v3"}, proved=[], watched=0.1)
    noted(tmp_path, 4, "done", keep={"app": "v3"}, build={"app": "v4"}, proved=[], watched=0)
    found = deploys.find(tmp_path)
    assert list(deploys.proved_images(found, "app")) == ["v1"]
    assert deploys.watched_image(found, "app") == "v2", "it was watched longest"
    assert deploys.watched_image(found[3:], "app") == "", "0 seconds show nothing"

    noted(tmp_path, 5, "aborted", keep={"app": "v2"}, known="v2")
    assert list(deploys.proved_images(deploys.find(tmp_path), "app")) == ["v2", "v1"], "it has run long enough since"
