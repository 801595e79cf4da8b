"""Rules that the compose file leaves out by ``x-migops: {ignore: …}``: with a reason, in the report with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit import Result, example, migops

OF_SERVICE = "    build: .\n    x-migops:\n      heads: many\n      ignore:\n        {}\n"
OF_PROJECT = "x-migops:\n  ignore:\n    {}\n\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose database has a default password: MIG802 is found."""
    found = example("clean", tmp_path)
    compose = found / "compose.yaml"
    compose.write_text(compose.read_text().replace("only-for-this-example", "postgres"))
    return found


def doctor(project: Path, *words: str) -> Result:
    return migops("doctor", "--no-engine", "--format", "json", *words, cwd=project)


def write(project: Path, of_service: str = "", of_project: str = "") -> None:
    compose = project / "compose.yaml"
    text = compose.read_text()
    if of_service:
        text = text.replace("    build: .\n", OF_SERVICE.format(of_service))
    compose.write_text((OF_PROJECT.format(of_project) if of_project else "") + text)


def test_without_it_the_rule_is_found(project: Path) -> None:
    assert "MIG802" in doctor(project).rules


@pytest.mark.parametrize("rule", ["MIG802", "default-password", "MIG80"])
@pytest.mark.parametrize(("level", "line"), [("of_service", 7), ("of_project", 3)])
def test_it_is_left_out_with_reason_file_and_line(project: Path, rule: str, level: str, line: int) -> None:
    write(project, **{level: f'{rule}: "local stack only"'})
    found = doctor(project)
    assert "MIG802" not in found.rules
    assert "MIG802" in found.json["deselected"]
    (entry,) = (each for each in found.json["silenced"] if each["rule"] == "MIG802")
    assert (entry["reason"], entry["line"]) == ("local stack only", line)
    assert entry["file"] == str(project / "compose.yaml")
    text = migops("doctor", "--no-engine", "--no-color", cwd=project).stdout
    assert f"compose.yaml:{line}: local stack only)" in " ".join(text.split())


def test_the_service_outranks_the_project_and_both_count_beside_the_settings(project: Path) -> None:
    write(project, "MIG802: here", "{MIG802: there, MIG803: one host}")
    (project / ".migops.toml").write_text('[[ignore]]\nrule = "MIG804"\nreason = "set in CI"\n')
    silenced = {each["rule"]: each["reason"] for each in doctor(project).json["silenced"]}
    assert silenced == {"MIG802": "here", "MIG803": "one host", "MIG804": "set in CI"}
    typed = {each["rule"] for each in doctor(project, "--ignore", "MIG805").json["silenced"]}
    assert typed == {"MIG802", "MIG803"}, "--ignore replaces the settings of the checkout, not the compose file's"


def test_check_image_and_status_have_it_too(project: Path) -> None:
    write(project, of_project="{MIG001: known, MIG401: known}")
    for command in ("check-image", "status"):
        document = migops(command, "--no-engine", "--format", "json", cwd=project).json
        assert {each["rule"] for each in document["silenced"]} == {"MIG001", "MIG401"}


def test_another_services_entries_do_not_count(project: Path) -> None:
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace("    image: postgres:15\n", "    image: postgres:15\n    x-migops: "
                                                   '{ignore: {MIG802: "local"}}\n'))  # fmt: skip
    found = doctor(project)
    assert found.json["target"]["service"] == "app", "what leaves rules out does not say that it has the migrations"
    assert "MIG802" in found.rules


@pytest.mark.parametrize(
    ("of_service", "of_project", "line", "said"),
    [
        ('MIG999: "x"', "", 7, "there is no rule 'MIG999'"),
        ('default-pasword: "x"', "", 7, "did you mean default-password?"),
        ("MIG802:", "", 7, "needs a reason"),
        ('MIG802: "  "', "", 7, "needs a reason"),
        ("MIG802: [a]", "", 7, "needs a reason"),
        ("- MIG802", "", 6, "must be a mapping"),
        ("MIG802", "", 6, "must be a mapping"),
        ("", 'MIG999: "x"', 3, "there is no rule 'MIG999'"),
        ("", "- MIG802", 2, "must be a mapping"),
    ],
)
def test_wrong_ones_are_refused_with_file_and_line(
    project: Path, of_service: str, of_project: str, line: int, said: str
) -> None:
    write(project, of_service, of_project)
    refused = doctor(project)
    assert refused.code == 2, refused.stdout
    assert f"{project / 'compose.yaml'}:{line}: " in refused.stderr
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [("x-migops: {ignor: {}}\n", "did you mean ignore?"), ("x-migops: {config: a.ini}\n", "belong to a service"),
     ("x-migops: many\n", "must be a mapping")],
)  # fmt: skip
def test_other_keys_of_the_project_are_refused(project: Path, text: str, said: str) -> None:
    compose = project / "compose.yaml"
    compose.write_text(text + compose.read_text())
    refused = doctor(project)
    assert refused.code == 2, refused.stdout
    assert f"{compose}:1: " in refused.stderr
    assert said in refused.stderr
