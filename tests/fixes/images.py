"""States of an image that a real build makes: from nothing, so that it takes no time, as nothing in it is run."""

from __future__ import annotations

from tests.cases.shop import COMPOSE, INI, Shop
from tests.fixes.state import State, nothing, replace
from tests.kit import git

SCRATCH = "FROM scratch\nWORKDIR /app\nCOPY . .\n"
QUIET = ("--ignore", "MIG7", "--ignore", "MIG5")
CHECK, DOCTOR = ("check-image", *QUIET), ("doctor", *QUIET)
STATUS = ("status", "--database-url", "{url}", "--ignore", "MIG702")


def line(shop: Shop) -> None:
    shop.line("a1", "b2").write("Dockerfile", SCRATCH).committed()


def ghost(shop: Shop) -> None:
    shop.without("b2")
    git(shop.folder, "commit", "-q", "-a", "-m", "drop b2")


def bytecode(shop: Shop) -> None:
    line(shop)
    shop.write("alembic.ini", INI + "sourceless = true\n")
    shop.write("migrations/versions/__pycache__/c3.cpython-311.pyc", "old")


def excluded(shop: Shop) -> None:
    line(shop)
    shop.write(".dockerignore", "**/b2.py\n")


def env_file(shop: Shop) -> None:
    line(shop)
    shop.write(".env", "PASSWORD=canary1\n")


def ignore_bytecode(shop: Shop) -> None:
    shop.write(".dockerignore", "**/__pycache__\n**/*.pyc\n")


def deleted_but_applied(shop: Shop) -> None:
    line(shop)
    shop.database("b2")
    ghost(shop)


def ahead(shop: Shop) -> None:
    shop.line("a1").write("Dockerfile", SCRATCH).committed().database("b2")


TMPFS = "    tmpfs: [/app/migrations/versions]\n"


def idles(shop: Shop, more: str = "") -> None:
    """Services that run: what the engine has of a container is then real."""
    line(shop)
    shop.write("Dockerfile", "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD sleep 600\n")
    shop.write("compose.yaml", f"{COMPOSE}    init: true\n{more}")


def under_tmpfs(shop: Shop) -> None:
    idles(shop, TMPFS)


def unknown(shop: Shop) -> None:
    line(shop)
    shop.database("f9")


def no_env_file(shop: Shop) -> None:
    shop.write(".dockerignore", "**/.env\n")


def not_executable(shop: Shop) -> None:
    line(shop)
    shop.write("start.sh", "#!/bin/sh\nexec python main.py\n").write(
        "Dockerfile", f'{SCRATCH}ENTRYPOINT ["./start.sh"]\n'
    )


STARTED = (State("MIG209", under_tmpfs, {"tmpfs": replace("compose.yaml", TMPFS, "")}, look=CHECK),)

STATES = (
    State("MIG001", line, change=ghost, look=CHECK),
    State("MIG002", line, change=lambda shop: shop.revision("c3", "b2"), look=CHECK),
    State("MIG003", line, change=lambda shop: shop.revision("b2", "a1", message="another text"), look=CHECK),
    State("MIG005", bytecode, {"**/__pycache__": ignore_bytecode}, look=CHECK),
    State("MIG006", line, change=replace("migrations/env.py", "from models", "import os\nfrom models"), look=CHECK),
    State("MIG101", line, change=lambda shop: shop.write("main.py", "print()"), look=(*CHECK, "--all-files")),
    State("MIG104", excluded, {"ignore": lambda shop: shop.write(".dockerignore", "")}, look=CHECK),
    State("MIG106", env_file, {"application reads this file itself": nothing, "**/.env": no_env_file}, look=DOCTOR),
    State("MIG108", not_executable, look=DOCTOR),
    State("MIG403", ahead, change=lambda shop: shop.revision("b2", "a1"), look=STATUS),
    State("MIG404", unknown, look=STATUS, stays="the command searches for the script; it is not there"),
    State("MIG704", deleted_but_applied, look=STATUS),
)  # fmt: skip
