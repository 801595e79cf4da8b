"""Bad input of every kind: refused with exit code 2, the file and the line, and something to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.core.errors import ExitCode, MigopsError
from tests.compose.support import load_in, read_text

APP = "services:\n  app:\n    image: app\n"


def refusal(folder: Path, text: str | None = None, **given: object) -> MigopsError:
    with pytest.raises(MigopsError) as refused:
        load_in(folder, **given) if text is None else read_text(folder, text, **given)  # type: ignore[arg-type]
    assert refused.value.exit_code == ExitCode.USAGE
    return refused.value


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("services:\n  app:\n    image: ${IMAGE:?say which image}\n", 3,
         "error while interpolating services.app.image: required variable IMAGE is missing a value: say which image"),
        ("services:\n  app:\n    image: ${IMAGE\n", 3, "invalid interpolation format for services.app.image."),
        ("services:\n  app:\n    image: [a]\n", 3, "services.app.image must be a string"),
        (APP + "    volume: [x]\n", 4, "services.app additional properties 'volume' not allowed"),
        ("servces:\n  app: {image: a}\n", 1, "additional properties 'servces' not allowed"),
        ("services:\n  app: {command: x}\n", 2, 'service "app" has neither an image nor a build context specified'),
        (APP + "    volumes: ['data:/data']\n", 4, 'service "app" refers to undefined volume data'),
        (APP + "    networks:\n      - front\n", 5, 'service "app" refers to undefined network front'),
        (APP + "    depends_on:\n      - db\n", 5, 'service "app" depends on undefined service "db"'),
        (APP + "    depends_on: [app]\n", 4, "dependency cycle detected: app -> app"),
        (APP + "    env_file:\n      - a.env\n      - none.env\n", 5, "a.env not found"),
        (APP + "    ports:\n      - 80:x\n", 5, "Invalid containerPort: x"),
        *((APP + f"    ports:\n      - 80\n      - {port}\n", 6, "ports.[1] is missing a target port")
          for port in ("0", "'0'", "80:0", "0/udp", "0-1", "'127.0.0.1:0:0'", "{published: 80}")),
        (APP + "    volumes:\n      - /x\n      - {type: bind, target: /y}\n", 6, "field Source must not be empty"),
        (APP + "    volumes: ['./a:/x', {type: tmpfs, target: /x/}]\n", 4, "target /x already mounted"),
        (APP + "    scale: two\n", 4, 'strconv.Atoi: parsing "two": invalid syntax'),
        (APP + "    command: echo 'a\n", 4, "invalid command line string"),
        (APP + "    mem_limit: 1x\n", 4, "invalid suffix: 'x'"),
        (APP + "    healthcheck: {interval: 10}\n", 4, "services.app.healthcheck.interval must be a string"),
        (APP + "    healthcheck: {interval: '10'}\n", 4, 'missing unit in duration "10"'),
        ("services:\n  app:\n    extends: base\n", 3, 'cannot extend service "app"'),
        ("services:\n  a: {extends: b}\n  b: {extends: a}\n", 2, "Circular reference:"),
        ("services:\n  a:\n    extends: {file: none.yaml, service: b}\n", 3, "none.yaml: no such file or directory"),
        ("services:\n  a:\n    extends: {file: oci://x/y, service: b}\n", 3, "local compose files only"),
        ("include:\n  - none.yaml\n" + APP, 2, "none.yaml: no such file or directory"),
        ("include:\n  - compose.yaml\n" + APP, 2, "include cycle detected"),
        ("include: [{path: compose.yaml, env_file: none.env}]\n", 1, "include cycle detected"),
        (APP + "volumes:\n  v: {external: true, driver: x}\n", 5, 'conflicting parameters "external" and "driver"'),
        (APP + "secrets:\n  s: {file: a, environment: B}\n", 5, "file|environment attributes are mutually exclusive"),
        ("- a\n", 1, "top-level object must be a mapping"),
        ("a text\n", 1, "top-level object must be a mapping"),
        ("", 1, "empty compose file"),
    ],
    ids=lambda given: str(given)[-30:].encode("unicode_escape").decode(),
)  # fmt: skip
def test_a_refusal_names_file_and_line_and_says_what_compose_says(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    error = refusal(tmp_path, text)
    assert said in error.message
    assert str(error.at) == f"{tmp_path / 'compose.yaml'}:{line}"


def test_no_file_an_absent_one_and_a_folder(tmp_path: Path) -> None:
    assert "no compose file found here" in refusal(tmp_path).message
    assert "name the file with -f" in refusal(tmp_path).hint
    assert refusal(tmp_path, files=("no.yaml",)).message == f"open {tmp_path / 'no.yaml'}: no such file or directory"
    assert "is a directory" in refusal(tmp_path, files=(str(tmp_path),)).message
    assert "couldn't find env file" in refusal(tmp_path, APP, env_files=("no.env",)).message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").symlink_to("/proc/self/mem")  # which root cannot read from its start either
    assert "input/output error" in refusal(tmp_path).message


def test_a_profile_that_no_service_has(tmp_path: Path) -> None:
    error = refusal(tmp_path, APP + "    profiles: [web]\n", profiles=("wbe",))
    assert error.message == 'no service has the profile "wbe"'
    assert error.hint == "the profiles are: web"
    assert read_text(tmp_path, APP, profiles=("*",)).services


def test_several_faults_are_told_together(tmp_path: Path) -> None:
    text = "services:\n  a: {image: '${A:?set A}'}\n  b: {image: '${B:?set B}'}\n"
    message = refusal(tmp_path, text).message
    assert "set A" in message
    assert f"also {tmp_path / 'compose.yaml'}:3: error while interpolating services.b.image" in message


def test_variables_without_a_value_are_the_hint(tmp_path: Path) -> None:
    error = refusal(tmp_path, "services:\n  app:\n    image: $IMAGE\n")
    assert error.hint == "not set, and so empty: IMAGE"


def test_the_fault_is_placed_in_the_file_that_made_it(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yaml").write_text("services:\n  app:\n    image: app2\n    ports: 80\n")
    error = refusal(tmp_path, APP)
    assert str(error.at) == f"{tmp_path / 'compose.override.yaml'}:4"
    (tmp_path / "compose.override.yaml").unlink()
    (tmp_path / "base.yaml").write_text("services:\n  base:\n    volumes:\n      - data:/data\n")
    error = refusal(tmp_path, APP + "    extends: {file: base.yaml, service: base}\n")
    assert str(error.at) == f"{tmp_path / 'base.yaml'}:4"


def test_bad_options_and_environment(tmp_path: Path) -> None:
    assert 'invalid project name "Bad.Name"' in refusal(tmp_path, APP, project_name="Bad.Name").message
    error = refusal(tmp_path, APP, environment={"COMPOSE_DISABLE_ENV_FILE": "perhaps"})
    assert "invalid syntax" in error.message
    assert "no.yaml" in refusal(tmp_path, APP, environment={"COMPOSE_FILE": "no.yaml"}).message
