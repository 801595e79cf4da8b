"""The deploy on a real engine and a real PostgreSQL: from the guide's broken state to the new one, or safely back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import warm
from tests.deploy.stack import PRICE, Stack, incident, stack, things
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine

NAMES = ["keep", "build", "image", "database", "backup", "migrate", "revision", "swap", "containers"]


def test_from_the_guides_broken_state(sandbox: Sandbox) -> None:
    """One command ends with one head, the database at it, the running container on the built image, the rows there."""
    found = incident(sandbox)
    old = found.image()
    before = things(sandbox)

    shown = found.deploy("--dry-run", "--sql", "app")
    assert shown.code == 0, shown.stderr
    assert [step["name"] for step in shown.json["steps"]] == NAMES
    assert [each["id"] for each in shown.json["pending"]] == ["8bd76168eb7e"]
    assert "ALTER TABLE product ADD COLUMN barcode" in shown.json["sql"]
    assert things(sandbox) == before, "a dry run changes nothing"
    assert not found.state.exists(), "and writes nothing"

    done = found.deploy("app")
    assert (done.code, done.json["outcome"]) == (0, "done"), done.stderr
    new = found.image()
    assert new != old
    assert done.json["image"] == {"before": old, "after": new}
    assert done.json["revisions"] == {"before": ["009"], "after": ["8bd76168eb7e"]}
    assert [(step["name"], step["status"]) for step in done.json["steps"]] == [(name, "done") for name in NAMES]
    assert found.running() == [new]
    assert found.rows() == ["8bd76168eb7e"]
    assert found.query("select title from category") == "kept"
    assert found.compose("exec", "-T", "app", "alembic", "heads").split() == ["8bd76168eb7e", "(head)"]
    assert found.image(f"{sandbox.name}-app:migops-rollback") == old
    assert (found.state / done.json["backup"]).stat().st_mode & 0o777 == 0o600
    assert "upgrade   8bd76168eb7e  Add product.barcode" in done.stderr
    (lines,) = found.journals()
    assert (lines[-1]["outcome"], lines[-1]["exit"]) == ("done", 0)
    assert [line["step"] for line in lines if line.get("status") == "done" and line["step"] in NAMES] == NAMES
    names = sandbox.docker("ps", "-a", "--format", "{{.Names}}", "--filter", "name=migops-").split()
    assert not [name for name in names if sandbox.name in name], "the container that migrated is gone"

    again = found.deploy("--cache", "app")
    assert again.code == 0, again.stderr
    assert found.rows() == ["8bd76168eb7e"]
    statuses = {step["name"]: step["status"] for step in again.json["steps"]}
    assert (statuses.get("backup"), statuses["migrate"]) == (None, "skipped"), "nothing is pending"


def test_nothing_is_there_yet(sandbox: Sandbox) -> None:
    """A fresh deployment: no image, no container, no database, no version table."""
    from tests.kit import example

    found = Stack(sandbox, example("clean", sandbox.path), sandbox.path / "state")
    shown = found.deploy("--dry-run")
    assert shown.code == 0, shown.stderr
    assert (shown.json["pending"], shown.json["revisions"]["before"]) == (None, None)
    done = found.deploy("--cache")
    assert (done.code, done.json["outcome"]) == (0, "done"), done.stderr
    assert done.json["revisions"] == {"before": [], "after": [PRICE]}
    assert (found.rows(), found.running()) == ([PRICE], [found.image()])


def test_without_a_yes_nothing_happens(sandbox: Sandbox) -> None:
    found = stack(sandbox, "clean", migrated=False)
    before = things(sandbox)
    done = warm.run((sys.executable, "-m", "migops", "rebuild-and-migrate"), cwd=found.project, env=found.env)
    assert done.returncode == 5
    assert "cannot ask for confirmation (no terminal)" in done.stderr
    assert things(sandbox) == before


def test_it_fails_and_goes_back(sandbox: Sandbox) -> None:
    """A failing build, a failing migration, an app that does not come up: each leaves what the exit code says."""
    found = stack(sandbox)
    old = found.image()

    dockerfile = found.project / "Dockerfile"
    text = dockerfile.read_text()
    dockerfile.write_text(text + "RUN echo the build breaks here && false\n")
    failed = found.deploy("--cache")
    assert (failed.code, failed.json["outcome"]) == (5, "aborted")
    assert "the build breaks here" in failed.stderr
    assert (found.image(), found.running(), found.rows()) == (old, [old], [PRICE])
    dockerfile.write_text(text)

    bad = found.write("b00000000001", PRICE, 'op.execute("select 1/0")')
    failed = found.deploy("--cache")
    assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
    assert "division by zero" in failed.stderr
    assert (found.image(), found.running(), found.rows()) == (old, [old], [PRICE])
    bad.unlink()

    found.write("b00000000002", PRICE, 'op.add_column("product", sa.Column("x", sa.Integer()))',
                'op.drop_column("product", "x")')  # fmt: skip
    main = found.project / "main.py"
    works = main.read_text()
    main.write_text("raise SystemExit('it does not come up')\n")
    back = found.deploy("--cache", "--on-failure", "downgrade", "--health-timeout", "20")
    assert (back.code, back.json["outcome"]) == (6, "failed"), back.stderr
    assert (found.image(), found.running(), found.rows()) == (old, [old], [PRICE])
    stopped = found.deploy("--cache", "--health-timeout", "20")
    assert (stopped.code, stopped.json["outcome"]) == (7, "operator"), stopped.stderr
    assert (found.running(), found.rows()) == ([old], ["b00000000002"])
    assert found.query("select title from product") == "kept"

    # the old image has no script of it: the ways on that are printed are those that work from here, as typed
    status, again, restore = stopped.json["commands"]
    assert (again, restore[:2]) == (["migops", "rebuild-and-migrate", "app"], ["migops", "restore"])
    lacks = "A downgrade is not possible here: the image that was there before has no script for "
    assert f"{lacks}b00000000002" in stopped.json["hint"]
    assert typed(found, *status).stdout.startswith("AHEAD")
    assert typed(found, *restore, "--yes").returncode == 0
    assert (found.running(), found.rows()) == ([old], [PRICE])
    main.write_text(works)
    assert typed(found, *again, "--yes", "--watch", "2").returncode == 0
    assert found.rows() == ["b00000000002"]


def test_it_goes_back_by_a_downgrade_where_the_old_image_can(sandbox: Sandbox) -> None:
    found = stack(sandbox)
    found.write("b00000000003", PRICE, "op.execute('select 1')", "op.execute('select 2')")
    found.up()
    (found.project / "main.py").write_text("raise SystemExit('it does not come up')\n")
    stopped = found.deploy("--cache", "--health-timeout", "20")
    assert (stopped.code, found.rows()) == (7, ["b00000000003"]), stopped.stderr
    assert "with the downgrade, or with the backup" in stopped.json["hint"]
    (down,) = [each for each in stopped.json["commands"] if "downgrade" in each]
    assert typed(found, down[0], down[1], "--yes", *down[2:]).returncode == 0
    assert found.rows() == [PRICE]


def typed(found: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """A printed command as the user types it."""
    return warm.run((sys.executable, "-m", *words), cwd=found.project, env=found.env)
