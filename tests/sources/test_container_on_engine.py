"""The container place on a real engine: mounts of every kind, the writable layer, replicas, and what comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migops.sources import writable
from tests.containers import check, mend, steps
from tests.engine.sandbox import Sandbox
from tests.kit import Result, example

pytestmark = pytest.mark.engine

VERSIONS = "/app/migrations/versions"
PRICE = "a94d5e61c8f3_add_price.py"


@pytest.fixture
def clean(sandbox: Sandbox) -> Path:
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    return project


def up(box: Sandbox, project: Path, service: str = "", *flags: str) -> None:
    """Start the app with more lines under its service."""
    text = (project / "compose.yaml").read_text()
    (project / "compose.yaml").write_text(text.replace("    build: .\n", f"    build: .\n{service}", 1))
    box.compose("up", "-d", "--no-deps", *flags, "app", cwd=project)


def script(project: Path, revision: str, parent: str = "a94d5e61c8f3") -> Path:
    path = project / f"migrations/versions/{revision}_next.py"
    path.write_text(f"revision = '{revision}'\ndown_revision = '{parent}'\n")
    return path


def reason(found: Result) -> str:
    place = next(place for place in found.json["places"] if place["place"] == "container")
    return str(place["reason"])


class TestMounts:
    def test_a_bind_of_the_host_folder_makes_the_edge_from_the_host(self, sandbox: Sandbox, clean: Path) -> None:
        up(sandbox, clean, "    volumes: ['./migrations:/app/migrations']\n")
        script(clean, "b7")
        found = check(sandbox, clean)
        assert set(found.rules) == {"MIG002", "MIG201"}, "the image lacks it, and that is the image's fault alone"
        bind = next(f for f in found.json["findings"] if f["rule"] == "MIG201")
        assert bind["severity"] == "info"
        assert bind["facts"]["mount"] == {
            "type": "bind", "source": str(clean / "migrations"), "target": "/app/migrations",
        }  # fmt: skip
        links = {(link["from"], link["to"]): link["status"] for link in found.json["links"]}
        assert links["host", "container"] == "equal"
        assert ("image", "container") not in links
        assert found.json["findings"][0]["link"] == ["context", "image"]
        sandbox.compose("build", "-q", "app", cwd=clean)
        assert check(sandbox, clean).code == 0

    def test_a_bind_of_another_folder_with_other_migrations_is_an_error(self, sandbox: Sandbox, clean: Path) -> None:
        other = sandbox.path / "other"
        (other / "versions").mkdir(parents=True)
        (other / "versions/old.py").write_text("revision = 'old'\ndown_revision = None\n")
        up(sandbox, clean, f"    volumes: ['{other}:/app/migrations']\n")
        found = check(sandbox, clean)
        assert (found.code, found.rules[0]) == (1, "MIG201")
        assert str(other / "versions") in found.json["findings"][0]["message"]

    def test_a_bind_whose_source_has_gone_is_no_verdict_and_is_not_made(self, sandbox: Sandbox, clean: Path) -> None:
        other = sandbox.path / "other"
        other.mkdir()
        up(sandbox, clean, f"    volumes: ['{other}:/app/migrations']\n")
        other.rmdir()
        found = check(sandbox, clean)
        assert found.code == 3
        assert f"{other} is mounted at /app/migrations, but it no longer exists" in reason(found)
        assert not other.exists()

    @pytest.mark.parametrize(
        "line",
        [
            f"tmpfs: [{VERSIONS}]",
            "tmpfs: [/app/migrations]",
            "volumes: [{type: tmpfs, target: /app}]",
        ],
    )
    def test_a_tmpfs_shows_an_empty_folder(self, sandbox: Sandbox, clean: Path, line: str) -> None:
        text = (clean / "compose.yaml").read_text()
        up(sandbox, clean, f"    command: sleep 600\n    init: true\n    {line}\n")
        shown = sandbox.compose("exec", "-T", "-w", "/", "app", "sh", "-c", f"ls {VERSIONS} || true", cwd=clean)
        assert shown.strip() == "", "what the container really sees"
        found = check(sandbox, clean)
        assert (found.code, found.rules) == (1, ["MIG209"])
        told = found.json["findings"][0]
        assert "clean" not in found.json["verdict"]
        assert "compose.yaml:6" in told["remedy"][0]["why"]
        (clean / "compose.yaml").write_text(text)
        left = check(sandbox, clean)
        assert (left.code, left.rules) == (1, ["MIG209"]), "the container that is there still has it"
        assert steps(left.json["findings"][0]) == [["docker", "compose", "up", "-d", "--no-deps", "app"]]
        mend(sandbox, clean, left)
        assert check(sandbox, clean).code == 0

    def test_mounts_elsewhere_do_not_matter(self, sandbox: Sandbox, clean: Path) -> None:
        up(sandbox, clean, "    tmpfs: [/app/migrations/versions/__pycache__, /run]\n    volumes: [/data, './:/src']\n")
        assert (check(sandbox, clean).code, check(sandbox, clean).rules) == (0, [])

    def test_one_script_bound_over_the_image(self, sandbox: Sandbox, clean: Path) -> None:
        other = sandbox.path / PRICE
        other.write_text("revision = 'a94d5e61c8f3'\ndown_revision = '3f1c0a7be210'\nx = 1\n")
        up(sandbox, clean, f"    volumes: ['{other}:{VERSIONS}/{PRICE}']\n")
        found = check(sandbox, clean)
        assert (found.code, found.rules) == (1, ["MIG201"])
        assert found.json["findings"][0]["facts"]["mount"]["target"] == f"{VERSIONS}/{PRICE}"

    def test_a_volume_that_holds_what_the_image_holds_is_no_finding(self, sandbox: Sandbox, clean: Path) -> None:
        up(sandbox, clean, f"    volumes: ['{VERSIONS}']\n")
        assert (check(sandbox, clean).code, check(sandbox, clean).rules) == (0, [])

    def test_an_empty_folder_over_all_migrations_is_not_the_history_s_fault(
        self, sandbox: Sandbox, clean: Path
    ) -> None:
        text = (clean / "compose.yaml").read_text()
        (clean / "compose.yaml").write_text(text.replace("\nvolumes:\n", "\nvolumes:\n  v:\n"))
        mount = f"{{type: volume, source: v, target: {VERSIONS}, volume: {{nocopy: true}}}}"
        up(sandbox, clean, f"    volumes: [{mount}]\n")
        assert check(sandbox, clean).rules == ["MIG202", "MIG202"]


NEW = "printf \"revision = 'n1'\\ndown_revision = None\\n\" >"
CHANGES = {
    "added": f"{NEW} {VERSIONS}/n1.py",
    "edited": f"echo '# edited' >> {VERSIONS}/{PRICE}",
    "deleted": f"rm {VERSIONS}/{PRICE}",
    "folder made anew": f"rm -r {VERSIONS} && mkdir {VERSIONS} && {NEW} {VERSIONS}/n2.py",
    "all made anew": f"rm -r /app/migrations && mkdir -p {VERSIONS} && {NEW} {VERSIONS}/n2.py",
    "a link": f"{NEW} /tmp/n3.py && ln -s /tmp/n3.py {VERSIONS}/n3.py",
    "bytecode": f"mkdir -p {VERSIONS}/__pycache__ && touch {VERSIONS}/__pycache__/x.cpython-311.pyc",
    "owner": f"chown -R 5:5 {VERSIONS}",
    "moved away": f"mv {VERSIONS} /app/migrations/old",
    "elsewhere": "echo x > /app/notes.txt && rm /app/main.py",
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_layer_s_folder_and_the_engine_tell_the_same(
    sandbox: Sandbox, clean: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(sandbox, clean)
    sandbox.compose("exec", "-T", "-u", "0", "app", "sh", "-c", CHANGES[change], cwd=clean)
    near = check(sandbox, clean)
    monkeypatch.setattr(writable, "_sees_attributes", lambda: False)
    asked = check(sandbox, clean)
    assert (near.code, near.stdout) == (asked.code, asked.stdout)
    # What Alembic itself sees there, by the names of the files that it would load.
    ls = f"cd {VERSIONS} 2>/dev/null && ls -1 | grep -c '[.]py$' || true"
    seen = int(sandbox.compose("exec", "-T", "app", "sh", "-c", ls, cwd=clean).strip() or 0)
    rules = {
        "added": {"MIG205"},
        "edited": {"MIG205"},
        "deleted": {"MIG208"},
        "folder made anew": {"MIG205", "MIG208"},
        "all made anew": {"MIG205", "MIG208"},
        "a link": {"MIG205"},
        "moved away": {"MIG208"},
    }.get(change, set())
    assert {rule for rule in near.rules if rule.startswith("MIG2")} == rules
    place = next(place for place in near.json["places"] if place["place"] == "container")
    assert place["revisions"] == seen


class TestReplicas:
    def test_the_one_that_differs_is_named(self, sandbox: Sandbox, clean: Path) -> None:
        up(sandbox, clean, "", "--scale", "app=3")
        second = f"{sandbox.name}-app-2"
        sandbox.docker("exec", second, "sh", "-c", CHANGES["added"])
        found = check(sandbox, clean)
        finding = next(f for f in found.json["findings"] if f["rule"] == "MIG205")
        assert finding["facts"]["containers"] == [second]

    def test_those_that_are_alike_are_one_finding(self, sandbox: Sandbox, clean: Path) -> None:
        up(sandbox, clean, "", "--scale", "app=3")
        script(clean, "b7")
        sandbox.compose("build", "-q", "app", cwd=clean)
        found = check(sandbox, clean)
        assert found.rules == ["MIG204"]
        assert found.json["findings"][0]["facts"]["containers"] == [f"{sandbox.name}-app-{n}" for n in (1, 2, 3)]


class TestOthersContainers:
    def test_one_that_somebody_runs_from_the_image_is_not_the_service_s(self, sandbox: Sandbox, clean: Path) -> None:
        """Compose labels the images that it builds with project and service, and `docker run` takes the labels over."""
        sandbox.docker("run", "-d", "--name", f"{sandbox.name}-mine", "--entrypoint", "sh", f"{sandbox.name}-app", "-c",
                       f"rm {VERSIONS}/{PRICE}; exec python main.py")  # fmt: skip
        found = check(sandbox, clean)
        assert (found.code, found.rules) == (0, [])
        assert "no container of this service exists" in reason(found)


class TestSiblings:
    def test_a_worker_of_the_same_build_that_was_not_built_again(self, sandbox: Sandbox, clean: Path) -> None:
        text = (clean / "compose.yaml").read_text()
        (clean / "compose.yaml").write_text(text.replace("\n  db:\n", "\n  worker:\n    build: .\n\n  db:\n", 1))
        sandbox.compose("build", "-q", "app", "worker", cwd=clean)
        sandbox.compose("up", "-d", "--no-deps", "app", "worker", cwd=clean)
        assert check(sandbox, clean, "app").rules == []
        script(clean, "b7")
        sandbox.compose("build", "-q", "app", cwd=clean)
        sandbox.compose("up", "-d", "--no-deps", "app", cwd=clean)
        found = check(sandbox, clean, "app")
        assert (found.code, found.rules) == (0, ["MIG206"]), "a warning"
        assert check(sandbox, clean).code == 1, "nobody named a service: clean would be said of the worker too"
        finding = found.json["findings"][0]
        assert (finding["subject"]["path"], finding["facts"]["scripts"]) == ("worker", ["versions/b7_next.py"])
        commands = [step["command"] for step in finding["remedy"]]
        assert commands == [
            ["docker", "compose", "build", "worker"],
            ["docker", "compose", "up", "-d", "--no-deps", "worker"],
        ]
        for command in commands:
            sandbox.compose(*command[2:], cwd=clean)
        assert check(sandbox, clean, "app").rules == []


class TestComingAndGoing:
    def gone_while_read(
        self, sandbox: Sandbox, clean: Path, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]
    ) -> Result:
        real = writable.open_layer
        calls: list[int] = []

        def removing(*arguments: object) -> object:
            if not calls:
                sandbox.docker("rm", "-f", "-v", f"{sandbox.name}-app-1")
                then()
            calls.append(1)
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr("migops.sources.container.open_layer", removing)
        up(sandbox, clean, f"    volumes: ['{VERSIONS}']\n")
        found = check(sandbox, clean)
        assert calls
        return found

    def test_one_that_vanishes_is_no_error(
        self, sandbox: Sandbox, clean: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.gone_while_read(sandbox, clean, monkeypatch, lambda: None)
        assert found.code == 0
        assert "no container of this service exists" in reason(found)

    def test_the_one_that_takes_its_place_is_read(
        self, sandbox: Sandbox, clean: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def again() -> None:
            sandbox.compose("up", "-d", "--no-deps", "app", cwd=clean)

        found = self.gone_while_read(sandbox, clean, monkeypatch, again)
        assert found.code == 0
        assert "versions is an anonymous volume's" in reason(found)  # the new container's
        assert next(place for place in found.json["places"] if place["place"] == "container")["status"] == "read"
