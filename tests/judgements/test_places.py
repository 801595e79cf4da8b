"""A fault in one place gets the fix of that place: a COPY, a commit, a build only where a build changes something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import INI, Shop
from tests.images.build import Member
from tests.kit import write_image


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("001")


PARTS = (
    "FROM python:3.11-slim\nWORKDIR /app\nCOPY alembic.ini models.py ./\nCOPY migrations/versions migrations/versions\n"
)


def test_a_file_that_no_copy_brings_wants_a_copy(shop: Shop) -> None:
    shop.write("Dockerfile", PARTS).image(leave_out="migrations/env.py")
    said = shop.check().of("MIG006")
    assert "env.py is on the host but not in the image" in said.text
    assert "no COPY or ADD of the build brings it" in said.text
    line = "COPY migrations/env.py /app/migrations/env.py"
    assert f"{shop.folder}/Dockerfile, after line 4, add: {line}: \n" in said.fix, "a build alone would bring nothing"
    shop.write("Dockerfile", f"{PARTS}{line}\n").image()
    assert shop.check().said == ()


def test_all_that_the_build_leaves_out_is_one_edit(shop: Shop) -> None:
    """The lines as they are printed, in their place, bring the configuration and the scripts; and nothing is left."""
    start = "FROM python:3.11-slim AS base\nCOPY x /x\nFROM base\nWORKDIR /srv\nCOPY main.py \\\n    ./\nCMD true\n"
    shop.write("x", "").write("migrations/script.py.mako", "x").write("Dockerfile", start)
    write_image(shop.folder.parent / "app.tar", {}, Member("srv/main.py", b""), config={"WorkingDir": "/srv"})
    shop.has_image = True
    found = shop.check()
    assert {each.name for each in found.said} == {"MIG004", "MIG006"}
    edit = found.said[0].fix.partition(": \n")[0]
    assert edit == f"in {shop.folder}/Dockerfile, after line 6, add: " \
        "COPY migrations /srv/migrations; COPY alembic.ini /srv/alembic.ini"  # fmt: skip
    assert all(each.fix.startswith(edit) for each in found.said)
    shop.write(
        "Dockerfile", start.replace("    ./\n", "    ./\n" + edit.partition("add: ")[2].replace("; ", "\n") + "\n")
    )
    context = shop.run("check-image", "--no-engine").json
    assert [place["revisions"] for place in context["places"] if place["place"] == "context"] == [1]


def test_the_template_of_new_scripts_is_worth_a_word(shop: Shop) -> None:
    shop.write("Dockerfile", PARTS + "COPY migrations/env.py migrations/\n").write("migrations/script.py.mako", "x")
    found = shop.image(leave_out="migrations/script.py.mako").run(
        "check-image", "--image", shop.archive, "--context", "."
    )
    assert [(each["rule"], each["severity"]) for each in found.json["findings"]] == [("MIG006", "info")]


def test_a_build_that_brings_another_file_is_not_blamed(shop: Shop) -> None:
    shop.write("docker/env.py", "# the image's own\n").write("Dockerfile", PARTS + "COPY docker/env.py migrations/\n")
    ours = (shop.folder / "migrations/env.py").read_text()
    shop.write("migrations/env.py", "# the image's own\n").image().write("migrations/env.py", ours)
    said = shop.check().of("MIG006")
    assert "the build brings another file to /app/migrations/env.py" in said.text
    assert "docker build" not in said.fix


def test_an_older_image_wants_a_build(shop: Shop) -> None:
    said = shop.image().write("migrations/env.py", "# newer\n").check().of("MIG006")
    assert "docker build ." in said.fix


def test_a_fault_that_is_left_in_git_alone_wants_a_commit(shop: Shop) -> None:
    shop.write("alembic.ini", INI + "file_template = %s\n").committed().write("alembic.ini", INI)
    said = shop.doctor("--select", "MIG501").of("MIG501")
    assert said.text.startswith("git: ")
    assert "commit the change" in said.fix
    assert "build" not in said.fix


def test_a_fault_in_git_and_image_wants_both(shop: Shop) -> None:
    shop.write("alembic.ini", INI + "file_template = %s\n").committed().image().write("alembic.ini", INI)
    found = shop.run("doctor", "--image", shop.archive, "--context", ".", "--select", "MIG501")
    steps = [(step["why"], step["command"]) for step in found.json["findings"][0]["remedy"]]
    assert "commit the change" in steps[0][0]
    assert steps[1][1] == ["docker", "build", "."]
