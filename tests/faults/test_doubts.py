"""What a run has, or may have, committed in part: known in whatever state folder, never taken for the old state."""

from __future__ import annotations

import json
import sys

import pytest

from tests import warm
from tests.deploy.stack import PRICE, Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import deploy
from tests.faults.test_commits import DOUBLE, HOWS, REV, alembic, killed_asleep, money

pytestmark = pytest.mark.engine

NEXT, LAST = "c00000000004", "c00000000005"
AUTO = f"""with op.get_context().autocommit_block():
        op.execute("{DOUBLE}")"""


def made(box: Sandbox, body: str) -> Stack:
    """The example with money in it, and a revision to come."""
    found = stack(box)
    found.write(REV, PRICE, body, head=HOWS)
    found.query("create table money (n bigint); insert into money values (100)")
    return found


def on_engine(found: Stack) -> list[str]:
    """The notes and traces that are left on the engine."""
    names = found.box.docker("volume", "ls", "-q", "--filter", f"name=migops-{found.box.name}-").split()
    return [each for each in names if "-migration-" in each or "-trace-" in each]


def other(found: Stack, name: str) -> dict[str, str]:
    """The environment of somebody who has another state folder."""
    return {"XDG_STATE_HOME": str(found.box.path / name)}


def test_another_state_folder_does_not_apply_it_again(sandbox: Sandbox) -> None:
    found = made(sandbox, f"{AUTO}\n    raise RuntimeError('boom')")
    first = deploy(found, "--no-backup")
    assert (first.code, money(found)) == (7, 200), first.stderr
    (mark,) = on_engine(found)
    labels = json.loads(found.box.docker("volume", "inspect", "-f", "{{json .Labels}}", mark))
    assert labels["migops.migration"] == sandbox.name
    record = json.loads(labels["migops.migration.record"])
    assert (record["state"], record["revisions"], record["verb"]) == ("committed", [REV], "upgrade")
    assert found.password not in str(labels)
    assert not [each for each in labels if each.startswith("com.docker.compose")]

    edit(found.project / f"migrations/versions/{REV}_{REV}.py", "raise RuntimeError('boom')", "pass")
    second = deploy(found, "--no-backup", **other(found, "elsewhere"))
    assert (second.code, money(found)) == (7, 200), second.stderr
    assert f"{REV} would be run again: run 1 of another state folder, {found.state}" in second.stderr
    assert second.json["error"]["commands"][0] == ["docker", "volume", "inspect", mark]
    found.compose("build", "-q", "app")
    found.compose("up", "-d", "--wait", "app")
    upgrade = (sys.executable, "-m", "migops", "alembic", "upgrade", "head")
    by_alembic = warm.run(upgrade, cwd=found.project, env={**found.env, **other(found, "third")}, timeout=180)
    assert (by_alembic.returncode, money(found)) == (7, 200), by_alembic.stderr
    assert f"{REV} would be run again: run 1 of another state folder" in by_alembic.stderr
    assert on_engine(found) == [mark], "a run that was stopped leaves nothing"

    done = deploy(found, "--no-backup", "--repeat", REV, **other(found, "elsewhere"))
    assert (done.code, money(found), on_engine(found)) == (0, 400, []), done.stderr


def test_a_killed_run_is_judged_from_another_state_folder(sandbox: Sandbox) -> None:
    found = made(sandbox, f"{AUTO}\n    op.execute('select pg_sleep(600)')")
    killed_asleep(found)
    assert money(found) == 200
    edit(found.project / f"migrations/versions/{REV}_{REV}.py", "op.execute('select pg_sleep(600)')", "pass")
    for name in ("takes-over", "later"):  # the lock is taken over by the first one; the second one finds it free
        stopped = deploy(found, "--no-backup", **other(found, name))
        assert (stopped.code, money(found)) == (7, 200), stopped.stderr
        assert f"{REV} would be run again: run 1 of another state folder, {found.state}" in stopped.stderr
        assert "has committed a part of it (1 statement of it ran outside of a transaction" in stopped.stderr

    # It is brought to its end by hand: nothing is pending then, and nothing is left of the trace.
    found.query(f"update alembic_version set version_num = '{REV}'")
    on = deploy(found, "--no-backup")
    assert (on.code, money(found)) == (0, 200), on.stderr
    (mark,) = on_engine(found)
    assert "-migration-" in mark, "only the note that it has committed a part"
    found.query(f"update alembic_version set version_num = '{PRICE}'")
    again = deploy(found, "--no-backup")
    assert (again.code, money(found)) == (7, 200), again.stderr
    done = deploy(found, "--no-backup", "--repeat", REV)
    assert (done.code, money(found), on_engine(found)) == (0, 400, []), done.stderr


def test_on_failure_downgrade_leaves_a_part_alone(sandbox: Sandbox) -> None:
    found = made(sandbox, "op.create_table('t', sa.Column('id', sa.Integer))")
    edit(found.project / f"migrations/versions/{REV}_{REV}.py", "downgrade() -> None:\n    pass",
         "downgrade() -> None:\n    op.drop_table('t')")  # fmt: skip
    path = found.write(NEXT, REV, f"{AUTO}\n    raise RuntimeError('boom')", downgrade="op.execute('select 1')")
    (found.project / "migrations/versions" / f"{LAST}_{LAST}.py").write_text(
        f'revision = "{LAST}"\ndown_revision = "{NEXT}"\n\n\ndef upgrade():\n    pass\n'
    )
    part = deploy(found, "--no-backup", "--on-failure", "downgrade")
    assert (part.code, part.json["outcome"]) == (7, "operator"), part.stderr
    assert "part of the revision stays: 1 statement" in part.json["message"]
    assert "it was not downgraded: a downgrade undoes whole revisions only" in part.json["message"]
    assert f"--repeat {NEXT}" in part.json["hint"]
    assert (found.rows(), money(found)) == ([REV], 200)

    # Nothing stays (each revision has its own transaction): it is taken back; what was not applied needs no way down.
    edit(path, AUTO, "pass")
    edit(
        found.project / "migrations/env.py", "context.configure(", "context.configure(transaction_per_migration=True, "
    )
    found.query(f"drop table t; update alembic_version set version_num = '{PRICE}'")
    whole = deploy(found, "--no-backup", "--repeat", NEXT, "--on-failure", "downgrade")
    assert (whole.code, whole.json["outcome"]) == (6, "failed"), whole.stderr
    assert f"was downgraded and is at {PRICE}" in whole.json["message"]
    assert (found.rows(), money(found), on_engine(found)) == ([PRICE], 200, [])


def test_a_dry_run_leaves_nothing_on_the_engine(sandbox: Sandbox) -> None:
    found = made(sandbox, "pass")
    dry = found.deploy("--dry-run")
    assert dry.code == 0, dry.stderr
    assert alembic(found, "current").code == 0
    assert on_engine(found) == []
