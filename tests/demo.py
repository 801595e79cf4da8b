"""``make demo``: the guide's own case from end to end, on a real engine, or on an image archive without one.

Everything happens in a temporary folder with a project name of its own, and is taken away at the end.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.engine import engine
from tests.engine.errors import EngineUnavailable
from tests.kit import write_image

EXAMPLE = Path(__file__).parents[1] / "compose-examples" / "stale-image"
DELETED = "app/src/infrastructure/database/migrations/versions/010_add_product_discount.py"
CHECK = ("check-image", "-f", "docker-compose.prod.yml", "app")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="migops-demo-") as folder:
        project = Path(folder) / "llm-bot"
        shutil.copytree(EXAMPLE, project)
        (project / DELETED).write_bytes((project / "last-week" / Path(DELETED).name).read_bytes())
        git(project, "init", "-q", "-b", "main")
        git(project, "add", ".")
        git(project, "commit", "-q", "-m", "Add product discount")
        try:
            found = engine.up()
        except EngineUnavailable as error:
            say(f"no Docker Engine here, and none can be started ({error}):")
            say("the image is an archive that this demo writes itself")
            return on_an_archive(project)
        say(f"on a real Docker Engine {found.version} ({found.env.get('DOCKER_HOST', 'default socket')})")
        return on_an_engine(project, found.env)


def on_an_engine(project: Path, environment: Mapping[str, str]) -> int:
    name = f"migops-demo-{os.getpid()}"
    environment = {**environment, "COMPOSE_PROJECT_NAME": name}
    compose = ("docker", "compose", "-f", "docker-compose.prod.yml")
    try:
        say("last week: the image is built while revision 010 is there")
        subprocess.run((*compose, "build", "-q", "app"), cwd=project, env=environment, check=True)
        delete(project)
        first = migops(project, environment, *CHECK)
        fix = remedy(project, environment)
        say("the command that it printed is run as printed")
        print(f"$ {shlex.join(fix)}")
        subprocess.run(fix, cwd=project, env=environment, check=True, capture_output=True)
        second = migops(project, environment, *CHECK)
    finally:
        remove = ("docker", "image", "rm", "-f", f"{name}-app")
        subprocess.run(remove, env=environment, capture_output=True, check=False)
    return verdict(first, second)


def on_an_archive(project: Path) -> int:
    archive = project.parent / "app.tar"
    environment = dict(os.environ)
    check = (*CHECK, "--image", f"docker-archive:{archive}")
    write_image(archive, {"/app": project / "app"})
    delete(project)
    first = migops(project, environment, *check)
    say("the image is made again from the host as it is now")
    write_image(archive, {"/app": project / "app"})
    second = migops(project, environment, *check)
    return verdict(first, second)


def delete(project: Path) -> None:
    say("today: 010 is given up, its file is deleted and that is committed; nobody builds again")
    git(project, "rm", "-q", DELETED)
    git(project, "commit", "-q", "-m", "Give up on product discount")


def remedy(project: Path, environment: Mapping[str, str]) -> list[str]:
    """The first command that the check prints."""
    done = run(project, environment, *CHECK, "--format", "json")
    steps = [step for finding in json.loads(done.stdout)["findings"] for step in finding["remedy"]]
    return next(list(step["command"]) for step in steps if step["command"])


def verdict(first: int, second: int) -> int:
    if (first, second) == (1, 0):
        say("as it should be: exit code 1 for the stale image, 0 after the fix")
        return 0
    say(f"THIS IS NOT AS IT SHOULD BE: exit codes {first} and {second} instead of 1 and 0")
    return 1


def migops(project: Path, environment: Mapping[str, str], *arguments: str) -> int:
    print(f"$ migops {shlex.join(arguments)}", flush=True)
    return run(project, environment, *arguments, show=True).returncode


def run(
    project: Path, environment: Mapping[str, str], *arguments: str, show: bool = False
) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "migops", *arguments)
    return subprocess.run(command, cwd=project, env=environment, text=True, capture_output=not show, check=False)


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Demo", "-c", "user.email=demo@example.invalid", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *identity, *arguments), cwd=project, check=True)


def say(text: str) -> None:
    print(f"\n### {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
