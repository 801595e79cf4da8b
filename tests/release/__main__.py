"""``make release``: builds sdist and wheel into dist/, checks them, and names the tag's command. It never uploads.

    python -m tests.release [--tag]

Ends with 1, and leaves dist/ as it was, if anything is wrong. ``--tag`` creates the tag when all is well.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from migops import __version__
from tests.kit import git
from tests.release import building, checks

ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("--tag", action="store_true", help="create the tag when all checks have passed")
    asked = parser.parse_args(arguments)
    if found := checks.tree(ROOT, __version__):
        return refuse(f"{__version__} cannot be released from here", found)
    with tempfile.TemporaryDirectory(prefix="migops-release-") as folder:
        built = building.build(ROOT, Path(folder))
        if found := judged(ROOT, built, Path(folder)):
            return refuse("what was built is not fit to be released", found)
        for file in (built.sdist, built.wheel):
            say(f"{keep(file, ROOT / 'dist')}  sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")
    tag(asked.tag)
    return 0


def judged(root: Path, built: building.Built, folder: Path) -> list[str]:
    """Every problem of what was built."""
    tracked = set(git(root, "ls-files").splitlines())
    package = {name for name in tracked if name.startswith("migops/")}
    return [
        *checks.wheel(built.wheel, __version__, package),
        *checks.sdist(built.sdist, __version__, tracked),
        *checks.same_wheel(built.wheel, built.again),
        *building.described(built.sdist, built.wheel),
        *building.installed(built.wheel, __version__, folder),
    ]


def keep(file: Path, folder: Path) -> str:
    """Put the file into dist/, in the place of one of the same name; its path from the root."""
    folder.mkdir(exist_ok=True)
    shutil.copyfile(file, folder / file.name)
    return f"{folder.name}/{file.name}"


def tag(create: bool) -> None:
    name = checks.tag_of(__version__)
    command = ("git", "tag", "--annotate", name, "--message", f"migops {__version__}")
    if checks.tagged_commit(ROOT, __version__):
        say(f"the tag {name} is on this commit already")
    elif create:
        git(ROOT, *command[1:])
        say(f"tagged {name}; nothing was pushed or uploaded")
    else:
        say(f"not tagged (make release TAG=1, or: {shlex.join(command)}); nothing was pushed or uploaded")


def refuse(why: str, found: list[str]) -> int:
    print(f"{why}:", *(f"  {problem}" for problem in found), sep="\n", file=sys.stderr)
    return 1


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
