"""The examples of MIG2 on a real engine: the right rule, the fix as printed, then clean. Wrong fixes do nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.containers import broken, changed, check, mend, state, steps
from tests.engine.sandbox import Sandbox
from tests.kit import example, git, migops, repository

pytestmark = pytest.mark.engine

PRICE, DISCOUNT, STOCK = "a94d5e61c8f3", "c51e02d7a9b4", "5b2e8d90fa17"
# A build comes last: with the containerd image store each one gives another image ID, and then `up` does more.
WRONG = {
    "named-volume": [("up", "-d", "--no-deps", "app"), ("up", "-d", "--no-deps", "--force-recreate", "-V", "app"),
                     ("build", "app")],
    "anonymous-volume": [("up", "-d", "--no-deps", "app"), ("up", "-d", "--no-deps", "-V", "app"),
                         ("up", "-d", "--no-deps", "--force-recreate", "app"), ("build", "app")],
    "old-container": [("restart", "app"), ("build", "app")],
    "trapped-revision": [("restart", "app"), ("up", "-d", "--no-deps", "app"), ("build", "app")],
}  # fmt: skip
RULE = {
    "named-volume": "MIG202",
    "anonymous-volume": "MIG203",
    "old-container": "MIG204",
    "trapped-revision": "MIG205",
}


@pytest.mark.parametrize("name", RULE)
def test_the_rule_the_wrong_fixes_and_the_right_one(sandbox: Sandbox, name: str) -> None:
    project = broken(sandbox, name)
    found = check(sandbox, project)
    assert found.code == 1
    assert set(found.rules) == {RULE[name]}, "one cause, one rule"
    measured = sandbox.compose("version", "--short", cwd=project).startswith("2.26.")
    for wrong in WRONG[name]:
        if not measured and "-V" in wrong and "--force-recreate" not in wrong:
            continue  # 2.26 does nothing with -V alone; 2.40 creates the container anew
        sandbox.compose(*wrong, cwd=project)
        again = check(sandbox, project)
        assert (again.code, set(again.rules)) == (1, {RULE[name]}), f"`docker compose {' '.join(wrong)}` is no fix"
        assert list(wrong) not in [command[2:] for command in steps(again.json["findings"][0])[:1]]
    mend(sandbox, project, found)
    clean = check(sandbox, project)
    assert (clean.code, clean.rules) == (0, [])
    assert {place["place"]: place["status"] for place in clean.json["places"]}["container"] == "read"
    if name == "anonymous-volume":
        sandbox.docker("volume", "rm", found.json["findings"][0]["facts"]["mount"]["source"])


def test_named_volume(sandbox: Sandbox) -> None:
    project = broken(sandbox, "named-volume")
    found = check(sandbox, project)
    assert {f["subject"]["revision"]: f["message"] for f in found.json["findings"]} == {
        PRICE: f"versions/{PRICE}_add_price.py is in the image but not in the volume",
        DISCOUNT: f"versions/{DISCOUNT}_add_discount.py is in the volume but neither in the image nor on the host",
    }
    for finding in found.json["findings"]:
        volume = f"{sandbox.name}_migrations"
        assert finding["facts"]["mount"] == {"type": "volume", "source": volume, "target": "/app/migrations"}
        assert finding["link"] == ["image", "container"]
    removing, _ = mend(sandbox, project, found)
    assert removing[-1] == f"/volume/versions/{DISCOUNT}_add_discount.py", "what is removed is named, and no more"
    heads = sandbox.compose("exec", "-T", "app", "alembic", "heads", cwd=project)
    assert heads.split()[0] == PRICE, "Alembic in the container says so too"


def test_named_volume_with_a_script_that_git_has_never_seen(sandbox: Sandbox) -> None:
    """It may be the only copy: it is saved before the volume is refreshed."""
    project = repository(broken(sandbox, "named-volume"))
    found = check(sandbox, project)
    assert steps(found.json["findings"][0])[0] == ["migops", "rescue", "app"]
    mend(sandbox, project, found)
    assert (project / f"migrations/versions/{DISCOUNT}_add_discount.py").exists()
    # Both are on the host, in the image and in the volume now: what is left is what the two heads are about.
    assert check(sandbox, project).rules == ["MIG301"]


def test_named_volume_with_a_script_that_git_saw_deleted(sandbox: Sandbox) -> None:
    project = broken(sandbox, "named-volume")
    script = project / f"migrations/versions/{DISCOUNT}_add_discount.py"
    script.write_bytes((project / "last-week" / script.name).read_bytes())
    repository(project)
    git(project, "rm", "-q", str(script))
    git(project, "commit", "-q", "-m", "Give up on discounts")
    found = check(sandbox, project)
    assert [command[:2] for command in steps(found.json["findings"][0])] == [["docker", "run"], ["docker", "run"]]
    assert not any(step["alternative"] for step in found.json["findings"][0]["remedy"])
    kept = migops("rescue", "app", "--format", "json", cwd=project, env=sandbox.env).json
    assert (kept["copied"], len(kept["left"])) == ([], 1)
    assert "Give up on discounts" in kept["left"][0]["reason"]


def test_anonymous_volume(sandbox: Sandbox) -> None:
    project = broken(sandbox, "anonymous-volume")
    found = check(sandbox, project)
    mount = found.json["findings"][0]["facts"]["mount"]
    assert (mount["type"], mount["target"], len(mount["source"])) == ("volume", "/app/migrations", 64)
    command = ["docker", "compose", "up", "-d", "--no-deps", "--force-recreate", "-V", "app"]
    assert mend(sandbox, project, found) == [command]
    assert mount["source"] in sandbox.docker("volume", "ls", "-q"), "the old volume is kept"
    sandbox.docker("volume", "rm", mount["source"])


def test_old_container(sandbox: Sandbox) -> None:
    project = broken(sandbox, "old-container")
    found = check(sandbox, project)
    link = next(link for link in found.json["links"] if link["to"] == "container")
    assert (len(link["only_from"]), len(link["only_to"])) == (1, 1)
    assert mend(sandbox, project, found) == [["docker", "compose", "up", "-d", "--no-deps", "app"]]


def test_trapped_revision(sandbox: Sandbox) -> None:
    project = broken(sandbox, "trapped-revision")
    versions = project / "migrations/versions"
    owner = (1234, 1235)
    for path in (versions, *versions.iterdir()):
        os.chown(path, *owner)
    found = check(sandbox, project)
    assert [f["subject"]["revision"] for f in found.json["findings"]] == [STOCK]
    dry = migops("rescue", "app", "--dry-run", cwd=project, env=sandbox.env)
    assert (dry.code, "would copy" in dry.stdout, (versions / f"{STOCK}_add_stock.py").exists()) == (0, True, False)
    commands = mend(sandbox, project, found)
    assert commands == [
        ["migops", "rescue", "app"],
        ["docker", "compose", "build", "app"],
        ["docker", "compose", "up", "-d", "--no-deps", "app"],
    ]
    info = (versions / f"{STOCK}_add_stock.py").stat()
    assert ((info.st_uid, info.st_gid), info.st_mode & 0o777) == (owner, 0o644)
    assert check(sandbox, project).code == 0
    assert "nothing to rescue" in migops("rescue", cwd=project, env=sandbox.env).stdout


def test_a_trapped_revision_is_saved_before_an_old_container_is_replaced(sandbox: Sandbox) -> None:
    """Two findings about one container: none of them begins with what would lose the script."""
    project = broken(sandbox, "trapped-revision")
    script = project / "migrations/versions/b70000000001_next.py"
    script.write_text(f"revision = 'b70000000001'\ndown_revision = '{PRICE}'\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    found = check(sandbox, project)
    assert {"MIG204", "MIG205"} <= set(found.rules)
    for finding in found.json["findings"]:
        if finding["rule"].startswith("MIG2"):
            assert steps(finding)[0] == ["migops", "rescue", "app"]


def test_a_revision_left_in_a_one_off_container(sandbox: Sandbox) -> None:
    """`docker compose run` without --rm leaves a stopped container, and the script in it."""
    project = example("trapped-revision", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    write = ("run", "--no-deps", "app", "alembic", "revision", "-m", "Add stock", "--rev-id", STOCK)
    sandbox.compose(*write, cwd=project)
    found = check(sandbox, project)
    assert (found.code, found.rules) == (1, ["MIG205"])
    assert mend(sandbox, project, found)[0] == ["migops", "rescue", "app"]
    assert check(sandbox, project).code == 0


def test_nothing_is_touched(sandbox: Sandbox) -> None:
    """Every reading command leaves the stack byte for byte: containers, images, networks, volumes and their files."""
    project = broken(sandbox, "named-volume")
    compose = project / "compose.yaml"
    text = compose.read_text().replace(
        "- migrations:/app/migrations",
        "- migrations:/app/migrations\n      - empty:/app/uploads\n      - ./gone:/app/gone\n      - /app/anonymous",
    )
    compose.write_text(text.replace("  migrations:\n", "  migrations:\n  empty:\n"))
    sandbox.compose("up", "-d", "--no-deps", "app", cwd=project)
    (project / "gone").rmdir()
    before = state(sandbox)
    assert before["volume"][f"{sandbox.name}_empty"][1].keys() == {
        str(Path(before["volume"][f"{sandbox.name}_empty"][0]["Mountpoint"], "."))
    }
    for words in (("check-image",), ("rescue", "--dry-run"), ("layers", f"{sandbox.name}-app", "/app/migrations"),
                  ("graph",), ("config",), ("check-image", "--no-engine")):  # fmt: skip
        assert migops(*words, cwd=project, env=sandbox.env).code in (0, 1), words
        assert changed(before, state(sandbox)) == [], words
    assert not (project / "gone").exists(), "not even the missing source of a bind mount is made"


def test_a_running_container_of_a_clean_project_is_clean(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    before = check(sandbox, project)
    assert {p["place"]: p["status"] for p in before.json["places"]}["container"] == "absent"
    assert before.code == 0, "no container is no fault"
    sandbox.compose("create", "app", cwd=project)
    for change in (("start", "app"), ("stop", "-t", "0", "app"), ("start", "app"), ("pause", "app")):
        assert check(sandbox, project).code == 0
        sandbox.compose(*change, cwd=project)
    found = check(sandbox, project)
    sandbox.compose("unpause", "app", cwd=project)
    assert (found.code, found.rules) == (0, [])
    assert [p["revisions"] for p in found.json["places"]] == [2, 2, 2, 2]
