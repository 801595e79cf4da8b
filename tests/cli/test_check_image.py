"""check-image as a command, on image archives: no engine is reachable in any of these tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cases.shop import READS_INI
from tests.images.build import Made, Member, layer, oci_files, write_dir
from tests.kit import Result, example, git, migops, repository, write_image

STALE = ("check-image", "-f", "docker-compose.prod.yml", "app")
VERSIONS = "app/src/infrastructure/database/migrations/versions"
DISCOUNT = "010_add_product_discount.py"


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """The stale example in git: built with 010 (app.tar), then 010 deleted and committed."""
    project = example("stale-image", tmp_path)
    script = project / VERSIONS / DISCOUNT
    script.write_bytes((project / "last-week" / DISCOUNT).read_bytes())
    repository(project)
    write_image(project / "app.tar", {"/app": project / "app"})
    git(project, "rm", "-q", str(script))
    git(project, "commit", "-q", "-m", "Give up on discounts")
    return project


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    project = example("clean", tmp_path)
    write_image(project.parent / "app.tar", {"/app": project})
    return project


def check(project: Path, *more: str | Path) -> Result:
    """check-image of a project without services to choose from, as JSON."""
    return migops("check-image", "--image", "docker-archive:../app.tar", *more, "--format", "json", cwd=project)


class TestStaleImage:
    def test_names_the_ghost_and_both_heads(self, stale: Path) -> None:
        found = migops(*STALE, "--image", "docker-archive:app.tar", "--format", "json", cwd=stale)
        assert found.code == 1, found.stderr
        report = found.json
        assert report["verdict"] == "findings"
        assert found.rules == ["MIG001", "MIG101", "MIG301"]
        ghost, layer, heads = report["findings"]
        assert ghost["subject"] == {"revision": "010", "path": f"versions/{DISCOUNT}"}
        assert ghost["link"] == ["context", "image"]
        assert "Give up on discounts" in ghost["cause"]
        assert heads["facts"]["heads"] == ["010", "8bd76168eb7e"]
        assert heads["facts"]["places"] == ["image"]
        assert layer["facts"]["layer"] == ghost["facts"]["layer"]
        assert layer["facts"]["layer"]["created_by"].startswith("COPY")

    def test_the_document_is_the_contract(self, stale: Path) -> None:
        report = migops(*STALE, "--image", "docker-archive:app.tar", "--format", "json", cwd=stale).json
        assert report["schema"] == 1
        assert report["command"] == "check-image"
        assert report["target"]["project"] == "llm-bot"
        assert report["target"]["service"] == "app"
        assert report["target"]["image"]["id"].startswith("sha256:")
        places = {place["place"]: place for place in report["places"]}
        assert (places["host"]["revisions"], places["image"]["revisions"]) == (10, 11)
        assert places["image"]["heads"] == ["010", "8bd76168eb7e"]
        links = {(link["from"], link["to"]): link for link in report["links"]}
        assert links["host", "context"]["status"] == "equal"
        assert links["context", "image"]["only_to"] == [f"versions/{DISCOUNT}"]
        assert report["matrix"] == [
            {
                "revision": "010",
                "path": f"versions/{DISCOUNT}",
                "places": {"host": "missing", "context": "missing", "image": "held"},
                "link": ["context", "image"],
            }
        ]

    def test_the_same_verdict_from_an_oci_layout(self, stale: Path) -> None:
        members = [
            Member(f"app/{file.relative_to(stale / 'app').as_posix()}", file.read_bytes())
            for file in sorted((stale / "app").rglob("*"))
            if file.is_file()
        ]
        ghost = Member(f"{VERSIONS}/{DISCOUNT}", (stale / "last-week" / DISCOUNT).read_bytes())
        write_dir(stale / "oci", oci_files(Made([layer(*members), layer(ghost)])))
        found = migops(*STALE, "--image", "oci:oci", "--format", "json", cwd=stale)
        assert (found.code, found.rules) == (1, ["MIG001", "MIG101", "MIG301"])

    def test_text_says_what_is_wrong_why_and_what_to_type(self, stale: Path) -> None:
        found = migops(*STALE, "--image", "docker-archive:app.tar", cwd=stale)
        assert found.code == 1
        assert found.stdout.startswith("FINDINGS  app: 3 errors")
        for words in ("MIG001 ghost-revision", "010", "Give up on discounts", "broken here: 1 only in image"):
            assert words in found.stdout

    def test_without_compose_the_fix_is_docker_build(self, stale: Path) -> None:
        found = migops(
            "check-image", "--image", "docker-archive:app.tar", "--context", "app", "--format", "json", cwd=stale
        )
        assert (found.code, found.rules) == (1, ["MIG001", "MIG101", "MIG301"])
        assert found.json["findings"][0]["remedy"][0]["command"] == ["docker", "build", "app"]

    def test_deleted_but_not_committed_offers_both_ways(self, stale: Path) -> None:
        git(stale, "reset", "-q", "--hard", "HEAD~1")
        (stale / VERSIONS / DISCOUNT).unlink()
        found = migops(*STALE, "--image", "docker-archive:app.tar", "--format", "json", cwd=stale)
        commands = [step["command"] for step in found.json["findings"][0]["remedy"]]
        restore = ["git", "-C", str(stale), "restore", "--source=HEAD", "--staged", "--worktree", "--"]
        assert [*restore, f"{VERSIONS}/{DISCOUNT}"] in commands

    def test_never_in_git_offers_no_rebuild(self, tmp_path: Path) -> None:
        project = repository(example("clean", tmp_path))
        text = b"revision = 'ffff'\ndown_revision = 'a94d5e61c8f3'\n"
        stranger = Member("app/migrations/versions/ffff_stranger.py", text)
        write_image(tmp_path / "app.tar", {"/app": project}, stranger)
        found = check(project)
        assert found.rules == ["MIG001"]
        assert [step["command"] for step in found.json["findings"][0]["remedy"]] == [[]]

    def test_upstream_has_it_means_git_pull_and_no_rebuild(self, tmp_path: Path) -> None:
        origin = repository(example("clean", tmp_path))
        git(tmp_path, "clone", "-q", str(origin), "clone")
        script = origin / "migrations/versions/b7_next.py"
        script.write_text("revision = 'b7'\ndown_revision = 'a94d5e61c8f3'\n")
        git(origin, "add", ".")
        git(origin, "commit", "-q", "-m", "Add b7")
        write_image(tmp_path / "app.tar", {"/app": origin})
        clone = tmp_path / "clone"
        git(clone, "fetch", "-q")
        found = check(clone)
        assert found.rules == ["MIG001"]
        commands = [step["command"] for step in found.json["findings"][0]["remedy"]]
        assert commands == [["git", "-C", str(clone), "pull", "--ff-only"]]


class TestClean:
    def test_is_clean_with_exit_0(self, clean: Path) -> None:
        found = check(clean)
        assert (found.code, found.json["verdict"], found.json["findings"]) == (0, "clean", [])

    def test_without_compose(self, clean: Path) -> None:
        found = migops("check-image", "--image", "docker-archive:../app.tar", "--context", ".", cwd=clean)
        assert found.code == 0, found.stdout + found.stderr
        assert found.stdout.startswith("CLEAN")

    def test_a_service_with_a_moved_working_directory(self, clean: Path, tmp_path: Path) -> None:
        """The image has the project at /srv, and WORKDIR says so."""
        (clean / "Dockerfile").write_text("FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\n")
        write_image(tmp_path / "app.tar", {"/srv": clean}, config={"WorkingDir": "/srv"})
        assert check(clean).code == 0


class TestDifferences:
    def test_missing_in_the_image(self, clean: Path) -> None:
        script = clean / "migrations/versions/b7_next.py"
        script.write_text("revision = 'b7'\ndown_revision = 'a94d5e61c8f3'\n")
        found = check(clean)
        assert (found.code, found.rules) == (1, ["MIG002"])
        assert found.json["findings"][0]["subject"]["revision"] == "b7"

    def test_changed_in_substance(self, clean: Path) -> None:
        script = next((clean / "migrations/versions").glob("a94*.py"))
        script.write_text(script.read_text().replace("price", "cost"))
        found = check(clean)
        assert (found.code, found.rules) == (1, ["MIG003", "MIG101"])

    def test_line_ends_are_a_warning(self, clean: Path) -> None:
        script = next((clean / "migrations/versions").glob("a94*.py"))
        script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
        found = check(clean)
        assert (found.code, found.rules) == (0, ["MIG003"])
        assert found.json["findings"][0]["facts"]["difference"] == "line-ends"
        assert check(clean, "--fail-on", "warning").code == 1

    def test_a_renamed_script_is_one_finding(self, clean: Path) -> None:
        script = next((clean / "migrations/versions").glob("a94*.py"))
        script.rename(script.with_name("a94_other_name.py"))
        found = check(clean)
        assert (found.code, found.rules) == (0, ["MIG003"])
        assert found.json["findings"][0]["facts"]["naming"] == "renamed"

    def test_the_environment_differs(self, clean: Path) -> None:
        with (clean / "migrations/env.py").open("a") as file:
            file.write("print('new')\n")
        found = check(clean)
        assert (found.code, found.rules) == (0, ["MIG006"])

    def test_no_migrations_in_the_image(self, clean: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty/main.py").write_text("")
        write_image(tmp_path / "app.tar", {"/app": tmp_path / "empty"})
        found = check(clean)
        assert found.code == 1
        assert "MIG004" in found.rules
        assert "MIG002" not in found.rules

    def test_orphan_bytecode_counts_only_under_sourceless(self, clean: Path, tmp_path: Path) -> None:
        compiled = Member("app/migrations/versions/0ld.pyc", b"\x00")
        write_image(tmp_path / "app.tar", {"/app": clean}, compiled)
        assert check(clean).rules == []
        ini = clean / "alembic.ini"
        ini.write_text(ini.read_text().replace("prepend_sys_path", "sourceless = true\nprepend_sys_path"))
        write_image(tmp_path / "app.tar", {"/app": clean}, compiled)
        assert "MIG005" in check(clean).rules

    def test_two_heads_on_the_host_are_not_the_images_fault(self, tmp_path: Path) -> None:
        project = example("two-heads", tmp_path)
        write_image(tmp_path / "app.tar", {"/app": project})
        found = check(project)
        assert (found.code, found.rules) == (1, ["MIG301"])
        finding = found.json["findings"][0]
        assert finding["facts"]["places"] == ["host", "context", "image"]
        first = finding["remedy"][0]["command"]
        heads = ["5b2e8d90fa17", "c07f34ab1e62"]
        assert first == ["migops", "alembic", "--service", "app", "merge", "-m", "merge heads", *heads]

    def test_heads_that_are_meant_are_no_finding(self, tmp_path: Path) -> None:
        project = example("two-heads", tmp_path)
        write_image(tmp_path / "app.tar", {"/app": project})
        compose = project / "compose.yaml"
        compose.write_text(compose.read_text().replace("    build: .\n", "    build: .\n    x-migops: {heads: many}\n"))
        assert check(project).code == 0


class TestConfiguration:
    def test_a_percent_sign_that_is_not_doubled(self, clean: Path, tmp_path: Path) -> None:
        """The guide's own trap: heads works, and current dies with InterpolationSyntaxError."""
        ini = clean / "alembic.ini"
        ini.write_text(ini.read_text().replace("prepend_sys_path", "version_num_format = %04d\nprepend_sys_path"))
        env = clean / "migrations/env.py"
        env.write_text(env.read_text() + READS_INI)
        write_image(tmp_path / "app.tar", {"/app": clean})
        found = check(clean)
        assert (found.code, found.rules) == (1, ["MIG501"])
        finding = found.json["findings"][0]
        assert finding["subject"]["path"].endswith("alembic.ini:3")
        assert finding["facts"]["places"] == ["host", "context", "image"]
        ini.write_text(ini.read_text().replace("%04d", "%%04d"))
        write_image(tmp_path / "app.tar", {"/app": clean})
        assert check(clean).code == 0


class TestNoEngine:
    def test_migrations_dropped_by_the_ignore_file(self, tmp_path: Path) -> None:
        project = example("dockerignored", tmp_path)
        found = migops("check-image", "--no-engine", "--format", "json", cwd=project)
        assert found.code == 1
        assert set(found.rules) == {"MIG104"}
        finding = found.json["findings"][0]
        assert finding["facts"]["line"] == 4
        assert finding["facts"]["pattern"] == "**/versions"
        assert finding["link"] == ["host", "context"]

    def test_clean_before_anything_is_built(self, clean: Path) -> None:
        found = migops("check-image", "--no-engine", cwd=clean)
        assert found.code == 0, found.stdout

    def test_context_alone_is_enough(self, clean: Path) -> None:
        assert migops("check-image", "--no-engine", "--context", ".", cwd=clean).code == 0

    def test_a_copy_that_leaves_one_out(self, clean: Path) -> None:
        copies = "COPY alembic.ini models.py ./\nCOPY migrations/versions/3f* migrations/versions/\n"
        (clean / "Dockerfile").write_text(f"FROM python:3.11-slim\nWORKDIR /app\n{copies}")
        found = migops("check-image", "--no-engine", "--format", "json", cwd=clean)
        assert (found.code, found.rules) == (1, ["MIG104"])
        assert found.json["findings"][0]["subject"]["revision"] == "a94d5e61c8f3"

    def test_no_copy_at_all_leaves_only_the_base_image(self, clean: Path) -> None:
        """The openafc case: the COPY of the migrations was dropped from the Dockerfile."""
        (clean / "Dockerfile").write_text("FROM python:3.11-slim\nWORKDIR /app\nCOPY alembic.ini main.py ./\n")
        found = migops("check-image", "--no-engine", "--format", "json", cwd=clean)
        assert found.code == 3
        assert "no COPY or ADD" in found.json["missing"][0]
        assert "python:3.11-slim" in found.json["missing"][0]

    def test_no_copy_at_all_from_scratch_is_certain(self, clean: Path) -> None:
        (clean / "Dockerfile").write_text("FROM scratch\nWORKDIR /app\nCOPY alembic.ini main.py ./\n")
        found = migops("check-image", "--no-engine", "--format", "json", cwd=clean)
        assert found.code == 1
        assert set(found.rules) == {"MIG104"}

    def test_what_cannot_be_told_is_no_verdict(self, clean: Path) -> None:
        clone = "RUN git clone https://example.invalid/x /app"
        (clean / "Dockerfile").write_text(f"FROM python:3.11-slim\nWORKDIR /app\n{clone}\n")
        found = migops("check-image", "--no-engine", "--format", "json", cwd=clean)
        assert (found.code, found.json["verdict"]) == (3, "unknown")
        assert "git clone" in found.json["missing"][0]


class TestNoVerdict:
    def test_unreachable_engine(self, clean: Path) -> None:
        found = migops("check-image", "--format", "json", cwd=clean)
        assert (found.code, found.json["verdict"]) == (3, "unknown")
        assert "/nowhere/docker.sock" in found.json["missing"][0]
        assert {skipped["rule"] for skipped in found.json["skipped"]} >= {"MIG001", "MIG002"}

    def test_unreadable_archive(self, clean: Path, tmp_path: Path) -> None:
        archive = tmp_path / "app.tar"
        archive.write_bytes(archive.read_bytes()[:5000])
        assert check(clean).code == 3

    def test_two_empty_folders_are_not_clean(self, clean: Path, tmp_path: Path) -> None:
        for script in (clean / "migrations/versions").iterdir():
            script.unlink()
        write_image(tmp_path / "app.tar", {"/app": clean}, Member("app/migrations/versions", kind=b"5"))
        found = check(clean)
        assert found.code == 3
        assert "nothing to compare is not a pass" in found.json["missing"][0]


class TestBadInput:
    """Each is exit code 2 and one message with what to do; no traceback."""

    def refused(self, found: Result, *words: str) -> None:
        assert found.code == 2, found.stdout + found.stderr
        assert found.stderr.startswith("error: ")
        assert "Traceback" not in found.stderr
        for word in words:
            assert word in found.stderr

    def test_no_compose_file(self, tmp_path: Path) -> None:
        self.refused(migops("check-image", cwd=tmp_path))

    def test_compose_file_that_is_not_there(self, tmp_path: Path) -> None:
        self.refused(migops("check-image", "-f", "nope.yml", cwd=tmp_path), "nope.yml")

    def test_not_yaml(self, clean: Path) -> None:
        (clean / "compose.yaml").write_text("services:\n  app: [\n")
        self.refused(migops("check-image", cwd=clean), "compose.yaml:")

    def test_no_such_service(self, clean: Path) -> None:
        self.refused(migops("check-image", "web", cwd=clean), "web", "app")

    def test_two_candidate_services(self, clean: Path, tmp_path: Path) -> None:
        other = example("two-heads", tmp_path)
        (clean / "compose.yaml").write_text(f"services:\n  one: {{build: .}}\n  two: {{build: {other}}}\n")
        self.refused(migops("check-image", cwd=clean), "one", "two", "compose.yaml")

    def test_no_alembic_ini(self, clean: Path) -> None:
        (clean / "alembic.ini").unlink()
        self.refused(migops("check-image", "app", cwd=clean), "alembic.ini", "--config")

    def test_dockerfile_missing(self, clean: Path) -> None:
        (clean / "Dockerfile").unlink()
        self.refused(migops("check-image", cwd=clean), "Dockerfile")

    def test_unreadable_dockerfile(self, clean: Path) -> None:
        (clean / "Dockerfile").write_text("FROM python:3.11-slim\nCOYP . .\n")
        self.refused(migops("check-image", cwd=clean), "Dockerfile:2")

    def test_an_image_that_looks_like_an_option(self, clean: Path) -> None:
        assert migops("check-image", "--image=--pull", cwd=clean).code == 2

    def test_misspelt_setting(self, clean: Path) -> None:
        compose = clean / "compose.yaml"
        compose.write_text(compose.read_text().replace("    build: .\n", "    build: .\n    x-migops: {head: many}\n"))
        self.refused(migops("check-image", cwd=clean), "head", "heads", "compose.yaml:")

    def test_unknown_rule(self, clean: Path) -> None:
        self.refused(migops("check-image", "--select", "MIG999", cwd=clean), "MIG999", "explain")

    def test_unknown_option(self, clean: Path) -> None:
        assert migops("check-image", "--imgae", "x", cwd=clean).code == 2


class TestOutput:
    def test_to_a_file(self, clean: Path, tmp_path: Path) -> None:
        found = check(clean, "--output", tmp_path / "report.json")
        assert (found.code, found.stdout) == (0, "")
        assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "clean"

    def test_quiet_is_one_line(self, clean: Path) -> None:
        found = migops("check-image", "--image", "docker-archive:../app.tar", "-q", cwd=clean)
        assert found.stdout.count("\n") == 1

    def test_select_and_ignore(self, stale: Path) -> None:
        image = ("--image", "docker-archive:app.tar", "--format", "json")
        assert migops(*STALE, *image, "--select", "MIG3", cwd=stale).rules == ["MIG301"]
        assert migops(*STALE, *image, "--ignore", "multiple-heads", cwd=stale).rules == ["MIG001", "MIG101"]

    def test_environment_variables_mirror_options(self, clean: Path) -> None:
        env = {"MIGOPS_FORMAT": "json", "MIGOPS_IMAGE": "docker-archive:../app.tar", "DOCKER_HOST": "unix:///nowhere"}
        assert migops("check-image", cwd=clean, env=env).json["verdict"] == "clean"

    def test_terminal_escapes_in_names_are_shown_not_obeyed(self, clean: Path, tmp_path: Path) -> None:
        evil = Member("app/migrations/versions/\x1b[2Jevil.py", b"revision = 'e'\ndown_revision = 'a94d5e61c8f3'\n")
        write_image(tmp_path / "app.tar", {"/app": clean}, evil)
        found = migops("check-image", "--image", "docker-archive:../app.tar", cwd=clean)
        assert found.code == 1
        assert "\x1b" not in found.stdout
        assert "\x1b" not in check(clean).stdout


class TestAllFiles:
    def test_names_the_layer_that_holds_stale_code(self, clean: Path) -> None:
        (clean / "models.py").write_text("Base = None\n")
        (clean / "main.py").unlink()
        (clean / "new.py").write_text("")
        assert check(clean).json["findings"] == [], "only migrations are compared unless told otherwise"
        found = check(clean, "--all-files")
        assert (found.code, set(found.rules)) == (1, {"MIG101"})
        stale, missing = found.json["findings"]
        assert stale["facts"]["files"] == ["/app/models.py", "/app/main.py"]
        assert "2 files (1 changed, 1 deleted on the host)" in stale["message"]
        assert missing["facts"]["files"] == ["/app/new.py"]

    def test_clean_code_is_clean(self, clean: Path) -> None:
        assert check(clean, "--all-files").json["findings"] == []

    def test_needs_the_image(self, clean: Path) -> None:
        assert migops("check-image", "--all-files", "--no-engine", cwd=clean).code == 2


class TestLeftOut:
    """What was not looked at is said, and never called the same."""

    @pytest.mark.parametrize("option", [("--ignore", "MIG002"), ("--select", "MIG301")])
    def test_a_script_that_is_missing(self, clean: Path, option: tuple[str, str]) -> None:
        script = clean / "migrations/versions/b7_next.py"
        script.write_text("revision = 'b7'\ndown_revision = 'a94d5e61c8f3'\n")
        image = ("--image", "docker-archive:../app.tar")
        found = migops("check-image", *image, *option, cwd=clean)
        assert found.code == 0, found.stdout
        assert "same migrations" not in found.stdout
        assert found.stdout.startswith("CLEAN  app: no findings at or above error (")
        assert "deselected:  MIG00" in found.stdout
        left = check(clean, *option).json["deselected"]
        assert "MIG002" in left
        assert "MIG301" not in left

    def test_by_the_environment(self, clean: Path) -> None:
        env = {"MIGOPS_IGNORE": "MIG002,multiple-heads", "DOCKER_HOST": "unix:///nowhere"}
        image = ("--image", "docker-archive:../app.tar")
        found = migops("check-image", *image, "--format", "json", cwd=clean, env=env)
        assert found.json["deselected"] == ["MIG002", "MIG301"]
        assert "MIG002, MIG301" in migops("check-image", *image, cwd=clean, env=env).stdout

    def test_line_ends(self, clean: Path) -> None:
        script = next((clean / "migrations/versions").glob("a94*.py"))
        script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
        found = migops("check-image", "--image", "docker-archive:../app.tar", cwd=clean)
        assert found.stdout.startswith("CLEAN  app: no findings at or above error (1 warning)")


def test_an_error_of_several_lines_is_shown_line_by_line(clean: Path) -> None:
    (clean / "compose.yaml").write_text("services:\n  app: {build: ., ports: x, imaeg: y}\n")
    found = migops("check-image", cwd=clean)
    assert found.code == 2
    assert "\\n" not in found.stderr
