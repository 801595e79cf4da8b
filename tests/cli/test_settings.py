"""``.migops.toml``: what a checkout keeps of its options, which file counts, and what is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_first_command import APP, project, write
from tests.kit import NO_ENGINE, Result, migops, write_image

IGNORE = '[[ignore]]\nrule = "MIG301"\nreason = "two heads until the release"\n'


def doctor(folder: Path, *arguments: str, **env: str) -> Result:
    return migops("doctor", "--no-engine", "--format", "json", *arguments, cwd=folder, env={**NO_ENGINE, **env})


def service(found: Result) -> str:
    assert found.code in (0, 1), found.stderr
    name = found.json["target"]["service"]
    assert isinstance(name, str)
    return name


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A checkout with two compose files, of which the second has two services with migrations."""
    both = "services:\n  app:\n    build: .\n  worker:\n    build: {context: ., dockerfile: worker.Dockerfile}\n"
    worker = "FROM python\nWORKDIR /app\nCOPY . .\n"
    folder = project(tmp_path / "shop", {"compose.yaml": APP, "infra/two.yml": both.replace(" .", " ..")})
    write(folder, {"worker.Dockerfile": worker, ".git/HEAD": "ref: refs/heads/main\n"})
    return folder


def test_file_and_service_are_kept(shop: Path) -> None:
    write(shop, {".migops.toml": 'file = "infra/two.yml"\nservice = "worker"\n'})
    assert service(doctor(shop)) == "worker"


def test_paths_are_relative_to_the_settings_also_from_below(shop: Path) -> None:
    write(shop, {".migops.toml": 'file = ["infra/two.yml"]\nservice = "worker"\n'})
    assert service(doctor(shop / "migrations")) == "worker"
    found = migops("adopt", "--dry-run", "nobody", cwd=shop / "migrations")
    assert "../infra/two.yml" in found.stderr or f"{shop}/infra/two.yml" in found.stderr


def test_the_table_of_pyproject_is_the_same(shop: Path) -> None:
    write(shop, {"pyproject.toml": '[project]\nname = "x"\n[tool.migops]\nfile = "infra/two.yml"\nservice = "app"\n'})
    assert service(doctor(shop)) == "app"


def test_a_pyproject_without_the_table_is_not_read(shop: Path) -> None:
    write(shop, {"pyproject.toml": '[project]\nname = "migops"\n[tool.migopsy]\nservice = 1\n'})
    assert service(doctor(shop)) == "app"


def test_an_option_outranks_the_environment_which_outranks_the_file(shop: Path) -> None:
    write(shop, {".migops.toml": 'file = "infra/two.yml"\nservice = "worker"\n'})
    assert service(doctor(shop, MIGOPS_SERVICE="app")) == "app"
    assert service(doctor(shop, "worker", MIGOPS_SERVICE="app")) == "worker"
    assert doctor(shop, "-f", "compose.yaml").json["error"]["message"] == "no such service: worker"
    assert "no such service: worker" in doctor(shop, MIGOPS_FILE="compose.yaml").stderr
    assert "no such service: worker" in doctor(shop, COMPOSE_FILE="compose.yaml").stderr


def test_the_nearest_file_counts(shop: Path) -> None:
    write(shop, {".migops.toml": 'file = "infra/two.yml"\nservice = "worker"\n'})
    write(shop / "infra", {".migops.toml": 'file = "two.yml"\nservice = "app"\n'})
    assert service(doctor(shop / "infra")) == "app"


def test_no_file_above_the_root_of_git_counts(shop: Path) -> None:
    write(shop.parent, {".migops.toml": "nonsense = 1\n"})
    assert service(doctor(shop)) == "app"
    assert service(doctor(shop / "migrations")) == "app"


def test_outside_of_a_checkout_only_the_folder_itself_counts(tmp_path: Path) -> None:
    write(tmp_path, {".migops.toml": "nonsense = 1\n"})
    below = tmp_path / "below"
    below.mkdir()
    assert "nonsense" not in migops("doctor", "--no-engine", cwd=below).stderr
    assert f"{tmp_path}/.migops.toml:1: unknown setting 'nonsense'" in migops("doctor", cwd=tmp_path).stderr


@pytest.mark.parametrize(("text", "line"), [("file = [\n'a.yml',\n", 2), ("service = \n", 1), ("a = 1\na = 2\n", 2)])
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    write(tmp_path, {".migops.toml": text})
    refused = migops("doctor", cwd=tmp_path)
    assert refused.code == 2
    assert f"{tmp_path}/.migops.toml:{line}: not valid TOML" in refused.stderr


def test_with_a_context_file_and_service_do_not_count(shop: Path) -> None:
    write(shop, {".migops.toml": 'file = "infra/two.yml"\nservice = "worker"\n'})
    found = doctor(shop, "--context", ".", MIGOPS_SERVICE="worker")
    assert (found.code, found.json["target"]["service"]) == (0, "")
    write_image(shop / "app.tar", {"/app": shop}, config={"WorkingDir": "/app"})
    image = ("check-image", "--image", "docker-archive:app.tar", "--host-dir", ".", "--format", "json")
    assert migops(*image, cwd=shop).json["target"]["service"] == ""
    assert migops(*image, "-f", "infra/two.yml", cwd=shop).json["target"]["service"] == "worker"


def test_graph_uses_file_and_service_where_it_has_no_configuration(shop: Path) -> None:
    write(shop, {".migops.toml": 'file = "infra/two.yml"\nservice = "worker"\n'})
    found = migops("graph", "--format", "json", cwd=shop / "infra")
    assert [revision["id"] for revision in found.json["revisions"]] == ["a1"]
    assert "of service worker" in found.stderr
    assert migops("graph", "--format", "json", cwd=shop).stderr == ""


def heads(folder: Path) -> Path:
    """The project with a second head, for MIG301."""
    return write(folder, {"migrations/versions/b1.py": 'revision = "b1"\ndown_revision = None\n'})


@pytest.mark.parametrize("rule", ["MIG301", "MIG30", "multiple-heads"])
@pytest.mark.parametrize("command", ["doctor", "status", "check-image"])
def test_a_silenced_rule_stands_in_the_report(shop: Path, rule: str, command: str) -> None:
    call = (command, "--no-engine")
    assert "MIG301" in migops(*call, "--format", "json", cwd=heads(shop)).rules
    write(shop, {".migops.toml": IGNORE.replace("MIG301", rule)})
    document = migops(*call, "--format", "json", cwd=shop).json
    assert "MIG301" not in [finding["rule"] for finding in document["findings"]]
    assert "MIG301" in document["deselected"]
    entry = {"rule": "MIG301", "reason": "two heads until the release", "file": f"{shop}/.migops.toml", "line": 2}
    assert entry in document["silenced"]
    assert {each["rule"] for each in document["silenced"]} <= set(document["deselected"])
    text = " ".join(migops(*call, cwd=shop).stdout.split())
    assert f"deselected: {'MIG301-MIG30' if rule == 'MIG30' else 'MIG301 ('}" in text
    at = f"{shop}/.migops.toml:2: two heads until the release"
    assert at.replace(" ", "") in text.replace(" ", "")  # a long path is broken into lines


def test_ignore_on_the_command_line_replaces_that_of_the_file(shop: Path) -> None:
    write(heads(shop), {".migops.toml": IGNORE})
    for found in (doctor(shop, "--ignore", "MIG106"), doctor(shop, MIGOPS_IGNORE="MIG106")):
        assert "MIG301" in found.rules
        assert (found.json["deselected"], found.json["silenced"]) == (["MIG106"], [])


def test_what_select_leaves_out_is_not_silenced_by_the_file(shop: Path) -> None:
    write(shop, {".migops.toml": IGNORE})
    assert doctor(shop, "--select", "MIG1").json["silenced"] == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('file = "compose.yaml"\nfiles = "x"\n', 2, "unknown setting 'files'"),
        ("# service =\nservice = 3\n", 2, "service must be the name of a service"),
        ('service = "app"\nfile = [1]\n', 2, "file must be the path of a compose file"),
        ('service = ""\n', 1, "service must be"),
        ('ignore = ["MIG301"]\n', 1, "ignore must be a list of tables"),
        (f"{IGNORE}\n{IGNORE}why = 1\n", 8, "unknown setting 'why'"),
        ('[[ignore]]\nrule = "MIG301"\n', 2, "an entry of ignore has no reason"),
        (f'{IGNORE}[[ignore]]\nreason = "x"\n', 4, "an entry of ignore has no rule"),
        ('ignore = [{rule = "MIG301", reason = ""}]\n', 1, "reason of an entry of ignore must be text"),
        ('\n[[ignore]]\nrule = "MIG999"\nreason = "x"\n', 3, "there is no rule 'MIG999'"),
        ("[tables]\nx = 1\n", 1, "unknown setting 'tables'"),
        ('service = "app\n', 1, "not valid TOML"),
    ],
)
@pytest.mark.parametrize("name", [".migops.toml", "pyproject.toml"])
def test_what_is_wrong_is_refused_with_its_line(shop: Path, name: str, text: str, line: int, message: str) -> None:
    if name == "pyproject.toml":
        text = '[project]\nname = "service"\n[tool.migops]\n' + text.replace("[[ig", "[[tool.migops.ig")
        text, line = text.replace("[tables", "[tool.migops.tables"), line + 3
    write(shop, {name: text})
    found = doctor(shop)
    assert found.code == 2
    assert f"{shop}/{name}:{line}: " in found.stderr
    assert message in found.stderr


@pytest.mark.parametrize("command", [("doctor",), ("config",), ("adopt",), ("alembic", "current")])
def test_a_file_or_service_that_is_not_there_is_named_with_its_line(shop: Path, command: tuple[str, ...]) -> None:
    write(shop, {".migops.toml": '# of old\nfile = ["compose.yaml", "gone.yml"]\n'})
    found = migops(*command, cwd=shop)
    assert found.code == 2
    assert f"{shop}/.migops.toml:2: no such compose file: gone.yml" in found.stderr
    assert doctor(shop, "-f", "compose.yaml").code == 0
    write(shop, {".migops.toml": 'service = "gone"\n'})
    assert f"the services are: app; it is set in {shop}/.migops.toml:1" in doctor(shop).stderr
    assert "it is set in" not in doctor(shop, "other").stderr


def test_two_files_in_one_folder_are_refused(shop: Path) -> None:
    write(shop, {".migops.toml": "", "pyproject.toml": "[tool.migops]\n"})
    found = doctor(shop)
    assert found.code == 2
    assert "both .migops.toml and pyproject.toml" in found.stderr


def test_help_and_explain_do_not_read_the_file(shop: Path) -> None:
    write(shop, {".migops.toml": "nonsense = 1\n"})
    assert migops("doctor", "--help", cwd=shop).code == 0
    assert migops("explain", "MIG301", cwd=shop).code == 0
