"""The full mess is left, and the day after gone through, by typing only what is printed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engine.sandbox import Sandbox
from tests.kit import git, with_migops
from tests.plan import mess
from tests.plan.typing import Answer, Terminal

pytestmark = pytest.mark.engine
DOCTOR = f"migops doctor -f {mess.FILE}"


def fixed(answer: Answer) -> Answer:
    assert answer.code == 0, answer.text
    return answer


def out_of_the_mess(terminal: Terminal, folder: Path) -> None:
    """At most 5 commands beside 1 edit and 1 commit, each of them printed."""
    first = terminal.type(DOCTOR)
    assert (first.code, first.text.count("\n") <= 15) == (1, True), first.text
    [(file, line)] = first.edits
    lines = (folder / file).read_text().splitlines(keepends=True)
    assert "%04d" in lines.pop(line - 1)
    (folder / file).write_text("".join(lines))
    for command in first.steps:
        last = fixed(terminal.type(command))
    clean = fixed(terminal.type(last.next))
    assert clean.text.startswith("CLEAN  app: "), clean.text
    assert clean.next == "", "nothing is left to type"
    commits = [command for command in terminal.typed if command.startswith("git ")]
    assert (len(commits), len(terminal.typed)) == (1, 6), terminal.typed


def day_after(terminal: Terminal, folder: Path, box: Sandbox) -> None:
    """A new column is generated, read, committed and applied; rolled back, and applied again."""
    mess.models(folder, "barcode", "color")
    git(folder, "commit", "-q", "-am", "Products have a color")
    generate = f"migops alembic --file {mess.FILE} revision --autogenerate -m 'add color'"
    refused = terminal.type(generate)
    assert refused.code == 5, refused.text
    build = f"docker compose -f {mess.FILE} build app"
    assert build in refused.text
    fixed(terminal.type(build))
    made = fixed(terminal.type(generate))
    assert made.to_commit.startswith("git add -- migrations/versions/"), made.text
    fixed(terminal.type(made.to_commit))
    assert git(folder, "status", "--porcelain") == ""
    applied = fixed(terminal.type(made.next))
    assert fixed(terminal.type(applied.next)).text.startswith("CLEAN  app: ")
    assert mess.sql(box, "select count(color), count(*) from product") == "0|500"
    back = fixed(terminal.type(f"migops alembic --file {mess.FILE} downgrade -1"))
    assert "pending now: " in back.text
    again = fixed(terminal.type(back.next))
    assert again.next.startswith("migops doctor "), again.text


def two_heads_after_a_pull(terminal: Terminal, folder: Path, colleague: Path) -> None:
    """A colleague has pushed a revision of the same parent: pull, merge, deploy."""
    mess.adding(colleague, "a11c", "8bd7", "weight")
    mess.models(colleague, "barcode", "weight")
    mess.commit(colleague, "Products have a weight")
    git(folder, "-c", "merge.conflictStyle=merge", "pull", "-q", "--no-rebase", "-X", "ours", str(colleague), "main")
    mess.models(folder, "barcode", "color", "weight")
    git(folder, "commit", "-q", "-am", "Both columns")
    plan = terminal.type(DOCTOR)
    assert "this is a choice: -v shows the other ways" in plan.text, plan.text
    for command in plan.steps:
        last = fixed(terminal.type(command))
        if " merge -m " in command:
            fixed(terminal.type(last.to_commit))
    assert fixed(terminal.type(last.next)).text.startswith("CLEAN  app: ")


def test_only_what_is_printed_leads_out_and_through_the_day_after(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = mess.make(sandbox)
    terminal = Terminal(folder, with_migops(sandbox.env))
    out_of_the_mess(terminal, folder)
    assert mess.sql(sandbox, "select count(*), count(barcode) from product") == "500|0", "and the column is there"
    colleague = Path(shutil.copytree(folder, tmp_path / "colleague"))
    day_after(terminal, folder, sandbox)
    two_heads_after_a_pull(terminal, folder, colleague)
    assert mess.sql(sandbox, "select count(*) from product where weight is null and color is null") == "500"
