"""``make demo``: the guide's own case from end to end, on a real engine, or on an image archive without one.

Everything happens in a temporary folder with a project name of its own, and is taken away at the end.
"""

from __future__ import annotations

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
DEPLOY = ("rebuild-and-migrate", "-f", "docker-compose.prod.yml", "--yes", "--watch", "5", "app")


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
    environment = {**environment, "COMPOSE_PROJECT_NAME": name, "XDG_STATE_HOME": str(project.parent / "state")}
    try:
        say("last week: the image is built while revision 010 is there, and the application is started")
        compose(project, environment, "up", "-d", "--build", "--wait", "--quiet-pull")
        compose(project, environment, "exec", "-T", "app", "alembic", "upgrade", "009")
        delete(project)
        first = migops(project, environment, *CHECK)
        say("one command makes the whole chain right; what it would do, and then does:")
        deployed = migops(project, environment, *DEPLOY)
        second = migops(project, environment, *CHECK)
    finally:
        compose(project, environment, "down", "--volumes", "--rmi", "local", "--timeout", "0")
        remove = ("docker", "image", "rm", "-f", f"{name}-app", f"{name}-app:migops-rollback")
        subprocess.run(remove, env=environment, capture_output=True, check=False)
    return verdict(first, deployed, second)


def compose(project: Path, environment: Mapping[str, str], *words: str) -> None:
    command = ("docker", "compose", "--progress", "quiet", "-f", "docker-compose.prod.yml", *words)
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)


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
    return verdict(first, 0, second)


def delete(project: Path) -> None:
    say("today: 010 is given up, its file is deleted and that is committed; nobody builds again")
    git(project, "rm", "-q", DELETED)
    git(project, "commit", "-q", "-m", "Give up on product discount")


def verdict(first: int, deployed: int, second: int) -> int:
    if (first, deployed, second) == (1, 0, 0):
        say("as it should be: exit code 1 for the stale image, and 0 once it is made right")
        return 0
    say(f"THIS IS NOT AS IT SHOULD BE: exit codes {first}, {deployed} and {second} instead of 1, 0 and 0")
    return 1


def migops(project: Path, environment: Mapping[str, str], *arguments: str) -> int:
    print(f"$ migops {shlex.join(arguments)}", flush=True)
    command = (sys.executable, "-m", "migops", *arguments)
    return subprocess.run(command, cwd=project, env=environment, check=False).returncode


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Demo", "-c", "user.email=demo@example.invalid", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *identity, *arguments), cwd=project, check=True)


def say(text: str) -> None:
    print(f"\n### {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
