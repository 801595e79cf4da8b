"""Which configuration Alembic reads in a container: what real Alembic says there, and what migops says of the image.

The case is the one of the safety case 06, with its siblings. Whatever leads Alembic to the old copy (heads: 010) must
not be called clean; where the fresh one counts (002), migops must not be unsure.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm
from tests.engine.sandbox import Sandbox
from tests.kit import migops

pytestmark = pytest.mark.engine

PURE = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
SITE = f"cp -r /old/shop {PURE}/shop"
PACKAGE = "sed -i 's/^script_location.*/script_location = shop:migrations/' alembic.ini"
OTHER = "printf '[alembic]\\nscript_location = /old/shop/migrations\\n' > /old/other.ini"
SCRIPT = "printf '#!/bin/sh\\nexport ALEMBIC_CONFIG=/old/other.ini\\nexec \"$@\"\\n' > /run.sh; chmod +x /run.sh"
VENV = "mkdir -p /opt/venv/bin; mv $(command -v alembic) /opt/venv/bin/alembic"
TOML = "printf '[tool.alembic]\\nscript_location = \"shop/migrations\"\\n' > pyproject.toml"

VARIANTS: dict[str, tuple[str, tuple[str, ...], str]] = {
    # what a RUN does, what the image says, and the heads that Alembic sees there
    "plain": ("true", (), "002"),
    "ENV": (OTHER, ("ENV ALEMBIC_CONFIG=/old/other.ini",), "010"),
    "CMD -c": (OTHER, ('CMD ["alembic", "-c", "/old/other.ini", "heads"]',), "010"),
    "CMD in a shell": (OTHER, ("CMD cd /old && exec alembic --config=other.ini heads",), "010"),
    "CMD -n": (
        "printf '\\n[old]\\nscript_location = /old/shop/migrations\\n' >> alembic.ini",
        ('CMD ["alembic", "-n", "old", "heads"]',), "010",
    ),
    "a script": (f"{OTHER}; {SCRIPT}", ('ENTRYPOINT ["/run.sh"]', 'CMD ["alembic", "heads"]'), "010"),
    "an ini beside pyproject": (f"{OTHER}; {TOML}; cp /old/other.ini alembic.ini", (), "010"),
    "a package that is installed": (f"{PACKAGE}; {SITE}", (), "010"),
    "prepend_sys_path": (f"{PACKAGE}; {SITE}; sed -i '2iprepend_sys_path = .' alembic.ini", (), "002"),
    "PYTHONPATH": (f"{PACKAGE}; {SITE}", ("ENV PYTHONPATH=/app",), "002"),
    "PYTHONPATH to the old one": (PACKAGE, ("ENV PYTHONPATH=/old:/app",), "010"),
    "a .pth file": (f"{PACKAGE}; echo /app > {PURE}/_shop.pth", (), "002"),
    "a .pth file to the old one": (f"{PACKAGE}; echo /old > {PURE}/_shop.pth", (), "010"),
    "a linked folder": ("cd shop/migrations; rm -r versions; ln -s /old/shop/migrations/versions .", (), "010"),
}  # fmt: skip


@pytest.fixture
def project(sandbox: Sandbox) -> Path:
    """A project at 002, and beside it an old copy that has 010; a base image with Alembic and that copy."""
    made = sandbox.path / "project"
    for root in (made, sandbox.path / "base"):
        versions = root / "shop/migrations/versions"
        versions.mkdir(parents=True)
        (root / "shop/__init__.py").write_text("")
        (root / "shop/migrations/__init__.py").write_text("")
        (root / "shop/migrations/env.py").write_text("")
        (versions / "001.py").write_text("revision = '001'\ndown_revision = None\n")
        (versions / "002.py").write_text("revision = '002'\ndown_revision = '001'\n")
    (sandbox.path / "base/shop/migrations/versions/010.py").write_text("revision = '010'\ndown_revision = '002'\n")
    (sandbox.path / "base/Dockerfile").write_text(
        "FROM python:3.11-slim\nRUN pip install alembic sqlalchemy\nCOPY shop /old/shop\n"
    )
    (made / "alembic.ini").write_text("[alembic]\nscript_location = shop/migrations\n")
    (made / "Dockerfile").write_text(f"FROM {sandbox.tag('base')}\nWORKDIR /app\nCOPY . .\n")
    sandbox.build(sandbox.path / "base", sandbox.tag("base"))
    sandbox.build(made, sandbox.tag("fresh"))
    return made


WITHOUT = {"a venv": (VENV, (), ""), "no program": ("rm $(command -v alembic)", (), "")}
"""Images in which a plain ``alembic`` cannot be run."""


def make(box: Sandbox, variant: str) -> None:
    """The application's image, changed as the variant says. It is committed: a build for each would take long."""
    setup, says, _ = {**VARIANTS, **WITHOUT}[variant]
    name = f"{box.name}-made"
    box.docker("run", "--name", name, box.tag("fresh"), "sh", "-ec", setup)
    changes = [word for each in ('CMD ["python"]', *says) for word in ("--change", each)]
    box.docker("commit", *changes, name, box.tag("app"))
    box.docker("rm", name)


def test_alembic_in_the_container_and_migops_say_the_same(sandbox: Sandbox, project: Path) -> None:
    wrong = []
    for name, (_, says, heads) in VARIANTS.items():
        make(sandbox, name)
        own = () if "heads" in "".join(says) else ("alembic", "heads")
        really = sandbox.docker("run", "--rm", sandbox.tag("app"), *own).split()[0]
        assert really == heads, f"{name}: the test itself is wrong about Alembic"
        found = migops(
            "check-image", "--image", sandbox.tag("app"), "--context", project, "--format", "json",
            cwd=project, env=sandbox.env,
        )  # fmt: skip
        places = found.json["places"] if found.stdout else []
        image = next((each for each in places if each["place"] == "image"), {})
        if (found.code, image.get("heads")) != (0 if heads == "002" else 1, [heads]):
            wrong.append((name, found.code, image, found.stderr))
    assert not wrong


def test_it_is_called_the_same_way(sandbox: Sandbox, project: Path) -> None:
    """`migops alembic` reads what a plain `alembic` reads there, or what the user names; status and doctor say so."""
    service = (
        f"services:\n  app:\n    image: {sandbox.tag('app')}\n    build: .\n    command: sleep 600\n    init: true\n"
    )
    (project / "compose.yaml").write_text(service)
    make(sandbox, "ENV")

    def heads(*words: str) -> str:
        argv = [sys.executable, "-m", "migops", "alembic", *words]
        done = warm.run(argv, cwd=project, env=sandbox.env)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    assert heads("heads") == "010", "in a one-off container"
    sandbox.compose("up", "-d", cwd=project)
    assert heads("heads") == "010", "in the running one"
    assert heads("-c", "alembic.ini", "heads") == "002"
    for command in ("check-image", "status", "doctor"):
        found = migops(command, "app", "--format", "json", cwd=project, env=sandbox.env)
        places = {each["place"]: each.get("heads") for each in found.json["places"]}
        assert (places["image"], places["container"]) == (["010"], ["010"]), command
        assert "MIG001" in found.rules
    (project / "compose.yaml").write_text(f"{service}    x-migops: {{config: alembic.ini}}\n")
    sandbox.compose("up", "-d", cwd=project)
    assert heads("heads") == "002", "the user says which, so ALEMBIC_CONFIG must not win"
    told = migops("check-image", "app", "--format", "json", cwd=project, env=sandbox.env)
    assert set(told.rules) == {"MIG211"}, "and what is typed there reads the old one all the same"


def test_a_program_in_a_virtual_environment_is_found_and_used(sandbox: Sandbox, project: Path) -> None:
    """Alembic off the PATH, as in many images of uv and poetry: it is called by its path; without it, nothing runs."""
    image = f"    image: {sandbox.tag('app')}\n    build: .\n    init: true\n    command: sleep 600\n"
    (project / "compose.yaml").write_text(f"services:\n  app:\n{image}")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "migops", "alembic", *words]
        return warm.run(argv, cwd=project, env=sandbox.env)

    make(sandbox, "a venv")
    one_off = run("heads")
    assert (one_off.returncode, one_off.stdout.split()[:1]) == (0, ["002"]), one_off.stderr
    sandbox.compose("up", "-d", cwd=project)
    inside = run("heads")
    assert (inside.returncode, inside.stdout.split()[:1]) == (0, ["002"]), inside.stderr
    make(sandbox, "no program")
    refused = run("heads")
    assert refused.returncode == 3
    assert "has no program 'alembic' in" in refused.stderr
    assert "x-migops: {alembic:" in refused.stderr
