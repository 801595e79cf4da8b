"""What a reset plans and refuses, without an engine."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from migops.commands.deploy import swap
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.step_name import StepName
from migops.commands.reset import actions, new_database, ours, plan, refusals
from migops.commands.reset import inputs as resets
from migops.commands.reset.inputs import ResetInputs, led_elsewhere
from migops.commands.reset.reset import record
from migops.commands.reset_record import back
from migops.core.errors import Aborted, Failed, Unavailable
from migops.core.printed import Commands
from migops.database.postgres.usage import SchemaGrant, Session, Table, carried
from migops.output import View, render
from tests.deploy.stack import CREATE, PRICE, edit
from tests.kit import example, git, repository
from tests.reset.made import USAGE, done, inputs, reset, shown

VERSIONS = "migrations/versions"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return repository(example("clean", tmp_path))


def refused(given: ResetInputs) -> str:
    with pytest.raises(Aborted) as raised:
        refusals.refuse(given)
    assert raised.value.exit_code == 5
    return raised.value.message


def test_what_is_committed_and_used_by_this_project_alone_is_not_refused(project: Path) -> None:
    refusals.refuse(inputs(project))
    (project / VERSIONS / "notes.txt").write_text("not a script\n")
    (project / "other.py").write_text("")
    refusals.refuse(inputs(project))


def test_scripts_that_git_does_not_have_are_refused(project: Path) -> None:
    new = project / VERSIONS / "c0ffee000001_new.py"
    new.write_text(f'revision = "c0ffee000001"\ndown_revision = "{PRICE}"\n\n\ndef upgrade():\n    pass\n')
    assert "c0ffee000001_new.py (not committed)" in refused(inputs(project))
    git(project, "add", ".")
    assert "c0ffee000001_new.py (not committed)" in refused(inputs(project)), "staged is not committed"
    git(project, "commit", "-q", "-m", "more")
    refusals.refuse(inputs(project))
    edit(next((project / VERSIONS).glob(f"{CREATE}*")), "import", "# edited\nimport")
    error = refused(inputs(project))
    assert "_create_product.py (modified since the last commit)" in error
    git(project, "checkout", "-q", ".")
    next((project / VERSIONS).glob(f"{CREATE}*")).unlink()
    refusals.refuse(inputs(project))  # deleted in the working tree: HEAD has it


def test_the_printed_commit_settles_it(project: Path) -> None:
    new = project / VERSIONS / "c0ffee000001_new.py"
    new.write_text(f'revision = "c0ffee000001"\ndown_revision = "{PRICE}"\n\n\ndef upgrade():\n    pass\n')
    with pytest.raises(Aborted) as raised:
        refusals.refuse(inputs(project))
    for words in raised.value.commands:
        git(project, *words[1:])
    refusals.refuse(inputs(project))


def test_an_ignored_script_is_committed_by_the_printed_commands_too(project: Path) -> None:
    new = project / VERSIONS / "c0ffee000001_new.py"
    new.write_text(f'revision = "c0ffee000001"\ndown_revision = "{PRICE}"\n\n\ndef upgrade():\n    pass\n')
    (project / ".gitignore").write_text("c0ffee*\n")
    with pytest.raises(Aborted, match=r"not committed, and ignored by .*\.gitignore:1") as raised:
        refusals.refuse(inputs(project))
    for words in raised.value.commands:
        git(project, *words[1:])
    refusals.refuse(inputs(project))


def test_without_git_nothing_is_replaced(tmp_path: Path) -> None:
    assert "is not in a git repository" in refused(inputs(example("clean", tmp_path)))


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ("ENV: production", True), ("APP_ENV: Prod", True), ("ENVIRONMENT: live", True), ("STAGE: production", True),
        ("ENV: development", False), ("NODE_ENV: production", False), ("ENV: production-like", False),
        ("MAIL_FROM: production", False), ("ENV: ${STAGE_OF_THIS_MACHINE:-dev}", False),
    ],
)  # fmt: skip
def test_only_a_literal_mark_of_production_counts(project: Path, line: str, is_refused: bool) -> None:
    edit(
        project / "compose.yaml",
        "    environment:\n      DATABASE_URL",
        f"    environment:\n      {line}\n      DATABASE_URL",
    )
    git(project, "commit", "-q", "-a", "-m", "compose")
    if is_refused:
        assert "is marked as production" in refused(inputs(project))
    else:
        refusals.refuse(inputs(project))


def test_a_server_that_others_depend_on_is_refused(project: Path) -> None:
    slot = replace(USAGE, ties=("its server has the replication slot standby",))
    assert "the replication slot standby" in refused(inputs(project, slot))
    poor = replace(USAGE, lacks=("the database user shop may not create databases (CREATEDB)",))
    assert "may not create databases" in refused(inputs(project, poor))
    assert "psql from a socket" in refused(inputs(project, sessions=("psql from a socket",)))
    closed = inputs(project)
    closed = replace(closed, properties=replace(closed.properties, open=False))
    assert "connections to shop are disabled" in refused(closed)


def test_an_image_that_nobody_builds_is_refused(project: Path) -> None:
    edit(project / "compose.yaml", "build: .", "image: registry.example/shop:1")
    git(project, "commit", "-q", "-a", "-m", "compose")
    assert "nothing in this project builds the image" in refused(inputs(project))


def test_a_broken_configuration_is_refused(project: Path) -> None:
    edit(project / "alembic.ini", "[alembic]\n", "[alembic]\nfile_template = %04d_%%(slug)s\n")
    git(project, "commit", "-q", "-a", "-m", "ini")
    assert "MIG501" in refused(inputs(project))


def test_two_heads_are_what_a_reset_is_for(tmp_path: Path) -> None:
    project = repository(example("two-heads", tmp_path))
    refusals.refuse(inputs(project))


def test_every_change_has_an_undo_and_nothing_is_changed_before_the_proof(project: Path) -> None:
    steps = plan.make(reset(project)).steps
    names = [step.name for step in steps]
    assert names.index(StepName.FIRST) < names.index(StepName.STOP) < names.index(StepName.SCRIPTS)
    assert names.index(StepName.SCRIPTS) < names.index(StepName.REPLACE) < names.index(StepName.MIGRATE)
    assert names.index(StepName.BACKUP) == 0
    undone = {step.name for step in steps if step.undo}
    assert undone == {StepName.MODELS, StepName.KEEP, StepName.SCRIPTS, StepName.BUILD, StepName.REPLACE, StepName.SWAP}
    assert not any(step.point_of_no_return for step in steps), "each of them can be taken back"


def test_the_way_back_is_commands_of_this_call(project: Path) -> None:
    found = inputs(project)
    commands = [" ".join(words) for words in back(record(found), found.source)]
    assert commands[0] == "docker compose stop app"
    assert "RENAME TO" in commands[1]
    assert "DROP" not in " ".join(commands)
    assert commands[-2:] == [
        "docker tag sha256:old shop-app", "docker compose up -d --no-deps --no-build --pull never app",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "name", "is_ours"),
    [
        ("public", "product", True), ("public", "alembic_version", True), ("public", "made_by_model", True),
        ("app", "Odd.Name", True), ("public", "invoice", False), ("billing", "product", False),
        ("billing", "alembic_version", False), ("public", "Odd.Name", False),
    ],
)  # fmt: skip
def test_tables_are_ours_by_models_and_scripts(project: Path, schema: str, name: str, is_ours: bool) -> None:
    used = replace(USAGE, tables=(Table(schema, name, 0),))
    models = ("public.made_by_model", 'app."Odd.Name"')
    assert ours.others(inputs(project, used), models) == ([] if is_ours else [f"{schema}.{name}"])


def test_of_scripts_that_compute_names_every_word_counts() -> None:
    assert "invoice" in set(ours.script_tables(['PREFIX = "x"\nfor t in ("invoice",):\n    op.create_table(t)\n']))
    assert "invoice" not in set(ours.script_tables(['# see invoice\nop.create_table("product")\n']))


def test_foreign_schemas_are_noted(project: Path) -> None:
    used = replace(USAGE, tables=(*USAGE.tables, Table("billing", "invoice", 9)))
    assert any("the schema billing" in note for note in plan.make(reset(project, usage=used)).notes)
    assert not any("the schema" in note for note in plan.make(reset(project)).notes)


def test_what_no_migration_makes_is_carried_over() -> None:
    used = replace(
        USAGE, path=("app", "public"), extensions=(("citext", "ext"), ("pgcrypto", "public")),
        grants=(SchemaGrant("public", "web", "CREATE"), SchemaGrant("public", "", "USAGE"),
                SchemaGrant("x", "web", "USAGE")),
        sessions=(Session(1, "", "psql"),),
    )  # fmt: skip
    assert [(text.format(*names)) for text, names in carried(used, "versions")] == [
        "CREATE SCHEMA IF NOT EXISTS app", "CREATE SCHEMA IF NOT EXISTS versions", "CREATE SCHEMA IF NOT EXISTS ext",
        "CREATE EXTENSION IF NOT EXISTS citext SCHEMA ext", "CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public",
        "GRANT CREATE ON SCHEMA public TO web", "GRANT USAGE ON SCHEMA public TO PUBLIC",
    ]  # fmt: skip


def test_the_plan_says_what_is_replaced_and_kept(project: Path) -> None:
    text = " ".join(render("reset --dry-run", shown(project), View(120)).split())
    for words in (
        "replaces the database shop on db: 8.0 MB", "public.product (~3 rows)", "2 scripts in", "all committed",
        "keeps the old database as shop_old", "a verified backup in /state/backups", "the old scripts in",
        "the image that runs now, as shop-app:migops-rollback", "the way back afterwards", "docker compose stop app",
    ):  # fmt: skip
        assert words in text
    assert "canary" not in text


def test_the_end_says_what_to_type_next(project: Path) -> None:
    text = render("reset", done(project), View(80))
    for words in ("DONE  shop is new", "next     git add -A .", "the way back\n", "docker exec shop-db-1 psql"):
        assert words in text
    assert Commands().migops("reset")[0] == "migops"


def test_the_way_back_typed_too_early_closes_nothing(project: Path) -> None:
    found = inputs(project)
    psql = back(record(found), found.source)[1]
    statements = [word for flag, word in pairwise(psql) if flag == "-c"]
    assert statements[0] == 'ALTER DATABASE "shop_old" ALLOW_CONNECTIONS true', "it fails where there is none"
    assert "ON_ERROR_STOP=1" in psql


def test_a_script_that_is_a_symlink_is_refused(project: Path) -> None:
    script = next((project / VERSIONS).glob(f"{PRICE}*"))
    elsewhere = project / "shared" / script.name
    elsewhere.parent.mkdir()
    script.rename(elsewhere)
    script.symlink_to(elsewhere)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "link")
    assert f"is a symlink to {elsewhere}" in refused(inputs(project))


def test_a_versions_folder_behind_a_symlink_is_the_folder_itself(project: Path) -> None:
    """`find` on a link would find nothing, and the way back would leave both histories."""
    versions = project / VERSIONS
    versions.rename(project / "history")
    versions.symlink_to("../history")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "link")
    found = resets.scripts_of(inputs(project).deploy, inputs(project).deploy.host)
    assert {each.path.parent for each in found} == {project / "history"}


def test_a_folder_that_cannot_be_written_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = inputs(project)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != found.folder)
    assert "cannot be written by this user" in refused(found)


@pytest.mark.parametrize(
    ("server", "is_elsewhere"),
    [
        ("172.18.0.2", False), ("10.20.0.9", True), ("172.18.0.3", True), ("", False), ("127.0.0.1", False),
        ("fd00::9", False),
    ],
)  # fmt: skip
def test_a_tunnel_to_another_server_is_no_server_of_this_project(server: str, *, is_elsewhere: bool) -> None:
    """A service that passes connections on (an SSH tunnel, a cloud's proxy, pgbouncer) has no data of its own."""
    assert led_elsewhere(server, ["172.18.0.2", "172.19.0.2"]) is is_elsewhere
    assert not led_elsewhere(server, [])


def test_nothing_old_is_started_on_the_new_database(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The undo of one step stops no other one: where the database did not come back, the application stays down."""
    found, deploy = reset(project), cast("Deploy", object())

    def lost(*_: object) -> dict[str, Any]:
        raise Unavailable("the server does not answer")

    def started(*_: object) -> dict[str, Any]:
        return {"services": ["app"]}

    monkeypatch.setattr(swap, "restore", started)
    assert actions.start_old(found, deploy)["services"] == ["app"]
    for name in ("swap", "swap_back"):
        monkeypatch.setattr(new_database, name, lost)
        action = actions.replace_database if name == "swap" else actions.database_back
        with pytest.raises(Unavailable):
            action(found, deploy)
    with pytest.raises(Failed, match="nothing was started"):
        actions.start_old(found, deploy)
    monkeypatch.setattr(new_database, "swap_back", started)
    actions.database_back(found, deploy)
    assert actions.start_old(found, deploy)["services"] == ["app"]
