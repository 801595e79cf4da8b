"""Env files that are missing: what only reads goes on with unknown variables, what acts is refused as by compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.cli.main import run
from migops.compose import ComposeOptions, EnvFiles, Project, load
from migops.compose.unread import example_of
from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.entrypoint.startup import ImageCommand, read
from migops.sources.database_names import from_named
from migops.sources.database_url import Sought, Variables, from_settings
from migops.target import Wanted

SETTINGS = {"database-url": "", "database-env": ""}
READS_URL = "import os\nurl = os.environ['DATABASE_URL']\n"


def reading(folder: Path, text: str, **environment: str) -> Project:
    """The project as a command that only reads loads it."""
    (folder / "compose.yaml").write_text(text)
    return load(ComposeOptions(), environment, cwd=str(folder), env_files=EnvFiles.OPTIONAL)


APP = "services:\n  app:\n    image: app\n"


def test_one_notice_names_every_missing_file_with_its_line(tmp_path: Path) -> None:
    text = APP + "    env_file: [.env.prod, {path: more.env}]\n  db:\n    image: db\n    env_file:\n      - .env.prod\n"
    project = reading(tmp_path, text)
    (notice,) = project.notices
    assert notice == (
        "env_file: .env.prod (compose.yaml:4) and more.env (compose.yaml:4) are missing; "
        "the variables that only such a file sets are unknown"
    )


def test_files_that_need_not_be_there_and_those_that_are_there_are_no_notice(tmp_path: Path) -> None:
    (tmp_path / "here.env").write_text("A=1\n")
    project = reading(tmp_path, APP + "    env_file: [here.env, {path: none.env, required: false}]\n")
    assert project.notices == ()
    app = project.services["app"]
    assert app.environment == {"A": "1"}
    assert not app.unread
    assert not app.unread.might_set("B")


def test_the_services_own_variables_are_settled_and_no_other(tmp_path: Path) -> None:
    text = APP + "    env_file: none.env\n    environment: {A: '1', B: '', C: }\n"
    app = reading(tmp_path, text).services["app"]
    assert app.environment == {"A": "1", "B": "", "C": None}
    # `C:` without a value is the variable of the shell; compose lets no env_file set it.
    assert [name for name in ("A", "B", "C", "D") if app.unread.might_set(name)] == ["D"]
    assert reading(tmp_path, text, C="3").services["app"].environment["C"] == "3"
    assert app.unread.reason("A") == ""
    assert app.unread.reason("D") == f"D is unknown: none.env ({tmp_path / 'compose.yaml'}:4) is missing"


def test_a_file_before_the_missing_one_is_unsettled_and_one_after_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "first.env").write_text("A=first\nB=first\n")
    (tmp_path / "last.env").write_text("B=last\n")
    app = reading(tmp_path, APP + "    env_file: [first.env, none.env, last.env]\n").services["app"]
    assert app.environment == {"B": "last"}
    assert app.unread.might_set("A")
    assert not app.unread.might_set("B")


def test_a_value_made_of_what_a_missing_file_may_set_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "last.env").write_text("URL=postgresql://app@${DB_HOST:-localhost}/app\n")
    app = reading(tmp_path, APP + "    env_file: [none.env, last.env]\n").services["app"]
    assert "URL" not in app.environment
    assert app.unread.might_set("URL")
    known = reading(tmp_path, APP + "    env_file: [none.env, last.env]\n", DB_HOST="db").services["app"]
    assert known.environment["URL"] == "postgresql://app@db/app"


@pytest.mark.parametrize("kind", ["folder", "label_file"])
def test_siblings_of_a_missing_file(kind: str, tmp_path: Path) -> None:
    if kind == "folder":
        (tmp_path / "x.env").mkdir()
        assert "x.env (compose.yaml:4) is a folder" in reading(tmp_path, APP + "    env_file: x.env\n").notices[0]
    else:
        assert (
            "x.labels (compose.yaml:4) is missing" in reading(tmp_path, APP + "    label_file: x.labels\n").notices[0]
        )


def test_a_hooks_env_file(tmp_path: Path) -> None:
    app = reading(tmp_path, APP + "    pre_start: [{command: x, env_file: none.env}]\n").services["app"]
    assert not app.unread
    assert app.pre_start[0].unread.might_set("A")


def test_a_fault_in_an_env_file_is_refused_by_every_command(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("A=1\nB='\n")
    with pytest.raises(MigopsError, match="unterminated quoted value") as refused:
        reading(tmp_path, APP + "    env_file: x.env\n")
    assert str(refused.value.at) == f"{tmp_path / 'x.env'}:2"


@pytest.mark.parametrize(
    ("missing", "example"),
    [
        (".env", ".env.example"), (".env", ".env.sample"), (".env", ".env.dist"), (".env", ".env.template"),
        (".env", "example.env"), (".env", "env.example"), (".env", ".env-example"), (".env.prod", ".env.prod.example"),
        (".env.prod", ".env.example"), ("app.env", "app.env.example"), ("app.env", "app.example.env"),
        ("conf/app.env", "conf/app.env.sample"),
    ],
)  # fmt: skip
def test_an_example_beside_the_missing_file_is_the_fix(missing: str, example: str, tmp_path: Path) -> None:
    (tmp_path / example).parent.mkdir(exist_ok=True)
    (tmp_path / example).write_text("A=1\n")
    assert example_of(str(tmp_path / missing)) == str(tmp_path / example)
    (notice,) = reading(tmp_path, APP + f"    env_file: {missing}\n").notices
    assert notice.endswith(f"\n  try: cp {example} {missing}")


def test_the_examples_of_several_files_are_copied_by_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.env.example").write_text("")
    (tmp_path / "b c.env.example").write_text("")
    text = APP + "    env_file: [a.env, b c.env, a.env]\n"
    assert reading(tmp_path, text).notices[0].endswith("try: cp a.env.example a.env && cp 'b c.env.example' 'b c.env'")
    assert "try:" not in reading(tmp_path, text.replace("a.env]", "d.env]")).notices[0]  # d.env has none


def test_an_example_elsewhere_or_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / ".env.example").mkdir()
    (tmp_path / "conf" / ".env.sample").write_text("")
    assert example_of(str(tmp_path / ".env")) == ""


# The readers of the environment


def url(folder: Path, env_py: str, text: str, image: dict[str, str] | None = None) -> object:
    project = reading(folder, text)
    variables = Variables(project, project.services["app"], image or {})
    return from_settings(variables, SETTINGS) or from_named(variables, env_py)


def test_a_url_that_a_missing_file_may_set_is_unknown_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("")
    found = url(tmp_path, READS_URL, APP + "    env_file: .env\n", {"DATABASE_URL": "postgresql://a@image/a"})
    assert isinstance(found, Unknown)
    assert "compose.yaml:4) is missing" in found.reason
    assert found.hint.startswith("cp ")


def test_a_url_that_the_service_sets_itself_is_known(tmp_path: Path) -> None:
    text = APP + "    env_file: .env\n    environment: {DATABASE_URL: 'postgresql://a@db/a'}\n"
    found = url(tmp_path, READS_URL, text)
    assert isinstance(found, Sought)
    assert found.text == "postgresql://a@db/a"


def test_pieces_of_which_one_may_come_from_a_missing_file_are_no_url(tmp_path: Path) -> None:
    text = APP + "    env_file: .env\n    environment: {DB_USER: a, DB_NAME: a%s}\n  db: {image: 'postgres:15'}\n"
    found = url(tmp_path, "", text % "")
    assert isinstance(found, Unknown)
    assert found.reason.startswith("DB_PASSWORD is unknown: .env")
    all_set = url(tmp_path, "", text % ", DB_PASSWORD: x, DB_HOST: db, DB_PORT: '5432'")
    assert isinstance(all_set, Sought)


def test_an_env_py_that_asks_no_environment_is_not_unknown(tmp_path: Path) -> None:
    assert url(tmp_path, "url = config.get_main_option('sqlalchemy.url')\n", APP + "    env_file: .env\n") is None


@pytest.mark.parametrize(("given", "condition"), [("", "[ $RUN_MIGRATIONS = 1 ]"), ("'1'", ""), ("'0'", None)])
def test_a_condition_on_a_variable_of_a_missing_file_is_undecided(
    given: str, condition: str | None, tmp_path: Path
) -> None:
    own = f"    environment: {{RUN_MIGRATIONS: {given}}}\n" if given else ""
    text = APP + f"    env_file: .env\n{own}"
    text += "    entrypoint: ['sh', '-c', 'if [ $$RUN_MIGRATIONS = 1 ]; then alembic upgrade head; fi']\n"
    image = ImageCommand((), (), "/", {"RUN_MIGRATIONS": "0"}, "image")
    startup = read(lambda path: None, image, reading(tmp_path, text).services["app"])
    if condition is None:
        assert startup.changes == ()
    else:
        (change,) = startup.changes
        assert bool(change.condition) is bool(condition)


# The commands


def project(folder: Path) -> None:
    """A project with migrations, whose .env is not there."""
    (folder / "alembic" / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\n")
    (folder / "alembic" / "env.py").write_text(READS_URL)
    (folder / "alembic" / "versions" / "a1.py").write_text("revision = 'a1'\ndown_revision = None\n")
    (folder / "Dockerfile").write_text("FROM scratch\nWORKDIR /app\nCOPY . .\n")
    (folder / "compose.yaml").write_text("services:\n  app:\n    build: .\n    env_file: [.env]\n")
    (folder / ".env.example").write_text("DATABASE_URL=postgresql://a@db/a\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    return tmp_path


WARNING = (
    "warning: env_file: .env (compose.yaml:4) is missing; the variables that only such a file sets are unknown\n"
    "  try: cp .env.example .env\n"
)


@pytest.mark.parametrize(
    "command",
    [
        ["check-image", "--no-engine"], ["doctor", "--no-engine"], ["status", "--no-engine"],
        ["graph", "app", "--no-engine"], ["config", "--explain", "services.app.build"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_only_reads_answers_with_one_warning(
    command: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(command)
    shown = capsys.readouterr()
    assert code != 2
    assert shown.err.count(WARNING) == 1
    assert shown.out


@pytest.mark.parametrize("names", ["--services", "--images", "--volumes"])
def test_lists_of_names_do_not_read_env_files(names: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", names]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [["config"], ["config", "-q"], ["config", "--verify"]], ids=" ".join)
def test_the_printed_model_is_refused_as_by_compose(
    command: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 2
    error = capsys.readouterr().err
    assert f"{here / 'compose.yaml'}:4: env file {here / '.env'} not found" in error
    assert "try: cp .env.example .env, or say `required: false`" in error


def test_what_acts_is_refused_before_it_acts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alembic", "upgrade", "head"]) == 2
    assert f"env file {here / '.env'} not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "acts"),
    [
        ("alembic", True), ("rebuild-and-migrate", True), ("adopt", True), ("restore", True), ("backup", True),
        ("check-image", False), ("status", False), ("doctor", False), ("graph", False), ("rescue", False),
        ("log", False),
    ],
)  # fmt: skip
def test_which_commands_need_the_project_as_compose_reads_it(command: str, acts: bool) -> None:
    assert Wanted(command=command).acts is acts
