"""What is refused before anything is done, and the way out that is told with it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from migops.analysis.chain import Chain, walk
from migops.commands.deploy import preflight
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.compose import ComposeOptions, load
from migops.compose.render import to_json
from migops.core.errors import Aborted, ExitCode, MigopsError, Unavailable
from migops.core.model import PlaceName, Unknown
from migops.sources.git import GitRecord, GitStatus
from migops.sources.program_file import ProgramFile
from tests.deploy.made import at, inputs, running
from tests.deploy.stack import CREATE, PRICE, edit
from tests.kit import EXAMPLES, example
from tests.rules.made import container, held

OPTIONS = Options(backup=False)


def refused(found: DeployInputs, options: Options = OPTIONS) -> Aborted:
    with pytest.raises(Aborted) as caught:
        preflight.refuse(found, options)
    assert caught.value.exit_code is ExitCode.ABORTED
    return caught.value


def write(folder: Path, revision: str, down: str) -> None:
    text = f'revision = "{revision}"\ndown_revision = "{down}"\n\n\ndef upgrade():\n    pass\n'
    (folder / "migrations/versions" / f"{revision}_x.py").write_text(text)


def test_what_is_right_is_not_refused() -> None:
    preflight.refuse(inputs(), OPTIONS)
    preflight.refuse(inputs(database=at(tables=())), OPTIONS)
    preflight.refuse(inputs(image=False, database=Unknown("it does not run"), idle=("db",)), OPTIONS)


def test_several_heads_on_the_host(tmp_path: Path) -> None:
    folder = example("clean", tmp_path)
    write(folder, "d00000000001", CREATE)
    error = refused(inputs(folder))
    assert "MIG301 multiple-heads" in error.message
    assert "the build would copy this fault into the image" in error.message
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(text.replace("    build: .\n", "    build: .\n    x-migops: {heads: many}\n"))
    preflight.refuse(inputs(folder), OPTIONS)


def test_a_missing_parent_and_no_migration_at_all(tmp_path: Path) -> None:
    folder = example("clean", tmp_path)
    (folder / "migrations/versions" / "3f1c0a7be210_create_product.py").unlink()
    assert "MIG302" in refused(inputs(folder)).message
    for path in (folder / "migrations/versions").glob("*.py"):
        path.unlink()
    error = refused(inputs(folder, database=at(tables=())))
    assert "there are no migrations in" in error.message
    assert "migops adopt --baseline" in error.hint


def test_a_script_that_only_the_image_has_and_nobody_gave_up() -> None:
    found = inputs()
    extra = {**_texts(found), "versions/e1_x.py": "revision = 'e1'\n"}
    evidence = replace(found.evidence, git_records={"versions/e1_x.py": GitRecord(GitStatus.UNKNOWN)})
    evidence = replace(evidence, chain=_with_image(found, extra))
    error = refused(replace(found, evidence=evidence))
    assert "which the host lacks" in error.message
    assert "`migops status app`" in error.hint


def test_a_revision_that_only_a_container_has() -> None:
    found = inputs()
    scripts = _texts(found)
    container_only = container({**scripts, "versions/e2_x.py": f"revision = 'e2'\ndown_revision = '{PRICE}'\n"},
                        written=["/app/migrations/versions/e2_x.py"])  # fmt: skip
    evidence = replace(found.evidence, containers=(container_only,), chain=_with_image(found, scripts))
    error = refused(replace(found, evidence=evidence))
    assert "MIG205" in error.message
    assert any("rescue" in command for command in error.commands)


def _texts(found: DeployInputs) -> dict[str, str]:
    return {name: file.content.decode() for name, file in found.host.scripts.items()}


def _with_image(found: DeployInputs, scripts: dict[str, str]) -> Chain:
    host = found.evidence.chain.places[PlaceName.HOST]
    return walk({PlaceName.HOST: host, PlaceName.IMAGE: held(scripts)})


@pytest.mark.parametrize(
    ("rows", "tables", "said", "hint"),
    [
        (("f00000000009",), ("product",), "which no script of the host (or anywhere) has", "git pull"),
        ((), ("product", "orders"), "the database has 2 tables but no recorded revision", "migops adopt"),
        ((CREATE, PRICE), ("product",), "beside", "`migops status app`"),
    ],
    ids=["unknown", "no row", "leftover"],
)
def test_a_database_that_the_history_cannot_take_on(
    rows: tuple[str, ...], tables: tuple[str, ...], said: str, hint: str
) -> None:
    error = refused(inputs(database=at(*rows, tables=tables)))
    assert said in error.message
    assert hint in error.hint


def test_a_database_outside_that_does_not_answer_is_no_verdict() -> None:
    found = inputs(database=Unknown("nobody answers at pg:5432", "start it"), database_service="")
    with pytest.raises(Unavailable, match="nobody answers at pg:5432"):
        preflight.refuse(found, OPTIONS)


def test_a_start_that_migrates(tmp_path: Path) -> None:
    preflight.refuse(inputs(EXAMPLES / "migrating-entrypoint"), OPTIONS)  # after the deploy it has nothing to do
    folder = example("migrating-entrypoint", tmp_path)
    edit(folder / "entrypoint.sh", "alembic upgrade head", "alembic -x tenant=a upgrade head")
    found = inputs(folder)
    error = refused(found)
    assert "app migrates at every start: `alembic -x tenant=a upgrade head`" in error.message
    assert "--accept-migrating-entrypoint" in error.hint
    (typed,) = error.commands
    assert typed[:2] == ("migops", "rebuild-and-migrate")
    assert {"--accept-migrating-entrypoint", "app"} <= {*typed}
    preflight.refuse(found, replace(OPTIONS, accept_migrating=True))


def test_an_image_without_the_program_of_alembic() -> None:
    missing = ProgramFile("alembic", (), ("/usr/bin", "/app/.venv/bin"))
    found = inputs()
    evidence = replace(found.evidence, program=missing)
    with pytest.raises(Aborted, match="has no program 'alembic' in /usr/bin, ") as caught:
        preflight.has_program(evidence)
    assert "x-migops: {alembic:" in caught.value.hint
    preflight.refuse(replace(found, evidence=evidence), OPTIONS)  # the build may bring it; its image is read again
    under_a_mount = ProgramFile("alembic", (), ("/app/.venv/bin",), is_hidden=True)
    preflight.has_program(replace(found.evidence, program=under_a_mount))


def test_what_runs_once_may_migrate() -> None:
    preflight.refuse(inputs(EXAMPLES / "several-services", containers=(running("migrate"),)), OPTIONS)


def fake(folder: Path, name: str, text: str) -> None:
    """A program on PATH that is not the real one."""
    (folder / name).write_text(f"#!/bin/sh\n# a fake\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("docker", "standalone", "words"),
    [
        ("echo 2.26.1-4", "exit 9", ("docker", "compose")),
        ("echo v2.17.0", "exit 9", ("docker", "compose")),
        ("echo 'unknown flag' >&2; exit 125", "echo 2.40.3", ("docker-compose",)),
        ("echo 2.3.3", "echo 2.20.0", ("docker-compose",)),
    ],
    ids=["plugin", "oldest", "standalone", "old plugin"],
)
def test_a_compose_cli_that_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: str, standalone: str, words: tuple[str, ...]
) -> None:
    fake(tmp_path, "docker", docker)
    fake(tmp_path, "docker-compose", standalone)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert preflight.compose_cli() == words


def test_compose_1_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "docker", "exit 1")
    fake(tmp_path, "docker-compose", "echo 1.29.2")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MigopsError, match=r"docker-compose 1\.29\.2 cannot be .*KeyError") as caught:
        preflight.compose_cli()
    assert caught.value.exit_code is ExitCode.USAGE
    assert "2.17 or newer" in caught.value.hint
    fake(tmp_path, "docker-compose", "exit 1")
    with pytest.raises(Unavailable, match="no compose CLI"):
        preflight.compose_cli()


def test_a_project_that_compose_reads_otherwise(tmp_path: Path) -> None:
    """A fake compose whose image of the service is another one than ours."""
    folder = example("clean", tmp_path)
    project = load(ComposeOptions(), environment={"COMPOSE_PROJECT_NAME": "shop"}, cwd=str(folder))
    fake(tmp_path, "compose", f"cat {tmp_path}/theirs.json")
    (tmp_path / "theirs.json").write_text(to_json(project))
    preflight.same_project(project, ComposeOptions(), folder, (str(tmp_path / "compose"),))
    (tmp_path / "theirs.json").write_text(to_json(project).replace("postgres:15", "postgres:16"))
    with pytest.raises(MigopsError, match=r'db\.image: migops "postgres:15", compose "postgres:16"') as caught:
        preflight.same_project(project, ComposeOptions(), folder, (str(tmp_path / "compose"),))
    assert caught.value.exit_code is ExitCode.USAGE
    assert "config --format json" in caught.value.hint
    (tmp_path / "theirs.json").write_text(to_json(project).replace("only-for-this-example", "and-another-one"))
    with pytest.raises(MigopsError, match=r"environment\.POSTGRES_PASSWORD: migops \*\*\*, compose \*\*\*") as caught:
        preflight.same_project(project, ComposeOptions(), folder, (str(tmp_path / "compose"),))
    assert "only-for-this-example" not in str(caught.value)
    assert "and-another-one" not in str(caught.value)
