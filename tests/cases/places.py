"""Cases in which image, container and host disagree, or where a file was made in the wrong place."""

from __future__ import annotations

from dataclasses import replace

from migops.sources.git_status import GitStatus
from migops.sources.mounts import Mount
from tests.cases.case import Case
from tests.cases.shop import Answer, Shop, judged
from tests.images.build import Member
from tests.kit import git
from tests.rules.made import FIRST, OLD, SECOND, container, evidence

WRITTEN = ("/app/migrations/versions/009.py",)
TRAPPED = {**SECOND, "versions/009.py": "revision = '009'\ndown_revision = '002'\n"}


def stale_layer(shop: Shop) -> Answer:
    """The dependencies were installed below a COPY of everything, whose layer the cache kept; git has gone on."""
    shop.line("1f0c3a5b7d92").committed().image()
    return shop.line("1f0c3a5b7d92", "416d3e2c6f1f", "a6a7196f4949").committed().check()


def shadowed_package(shop: Shop) -> Answer:
    """The folder of the scripts is called alembic and has an empty __init__.py."""
    shop.write("alembic/__init__.py", "")
    return shop.line("416d3e2c6f1f").explain("/usr/bin/python: No module named alembic.__main__; 'alembic' is a "
                                             "package and cannot be directly executed\n")  # fmt: skip


def ignored_by_docker(shop: Shop) -> Answer:
    return shop.line("001", "002").write(".dockerignore", ".git\n**/migrations/\n").committed().check("--no-engine")


def copy_was_dropped(shop: Shop) -> Answer:
    """The service's migrations had a COPY of their own, until somebody edited the Dockerfile."""
    shop.line("001").write("Dockerfile", "FROM python:3.11-slim\nWORKDIR /app\nCOPY alembic.ini main.py ./\n")
    return shop.image(leave_out="migrations").check()


def built_and_not_started(shop: Shop) -> Answer:
    """`up -d --build` with bake built the image and left the container as it was."""
    return judged(evidence(container(FIRST, image=OLD)))


def restarted_with_the_old_image(shop: Shop) -> Answer:
    """The migration service ran again, after the pull, in the container that it had: with the old image's ID."""
    return judged(evidence(replace(container(FIRST, image=OLD, name="shop-app-1"), running=False)))


def compiled_only(shop: Shop) -> Answer:
    shop.line("001", "002")
    pyc = [Member(f"app/migrations/versions/{name}.pyc", b"\0") for name in ("001", "002")]
    return shop.image(*pyc, leave_out="migrations/versions").check()


def made_in_the_container(shop: Shop) -> Answer:
    """`alembic revision` in a container with nothing mounted."""
    made = container(TRAPPED, written=WRITTEN)
    return judged(evidence(made, git_records={"versions/009.py": GitStatus.NEVER}))


def made_in_a_one_off(shop: Shop) -> Answer:
    """`compose run app alembic revision` without the file that mounts the project."""
    made = container(TRAPPED, written=WRITTEN, one_off=True, name="shop-app-run-1")
    return judged(evidence(made, git_records={"versions/009.py": GitStatus.NEVER}))


def folder_of_root(shop: Shop) -> Answer:
    """A container that runs as root wrote the scripts into somebody's folder."""
    return judged(evidence(owner=(1000, 1000), uid=0))


def frozen_in_a_volume(shop: Shop) -> Answer:
    """Two services share a volume over the migrations; an engine fills it once, from the first image."""
    return judged(evidence(container(FIRST, Mount("volume", "shop_migrations", "/app/migrations"))))


def behind_upstream(shop: Shop) -> Answer:
    """The tree was broken for a day; upstream has joined the heads, and this clone has not pulled."""
    shop.revision("aa1").revision("bb2", "aa1").revision("cc3", "aa1").committed()
    clone = Shop(shop.folder.with_name("clone"))
    git(shop.folder.parent, "clone", "-q", str(shop.folder), str(clone.folder))
    shop.revision("dd4", "bb2", "cc3").committed()
    git(clone.folder, "fetch", "-q")
    return clone.image().database("bb2").status()


CASES = (
    Case("1", stale_layer, "MIG002", ("416d3e2c6f1f", "on the host but not in the image"),
         ("docker build .",), never=("MIG001",)),
    Case("1b", shadowed_package, "shadowed-package", ("the project's own folder alembic",),
         ("alembic/__init__.py",)),
    Case("6", ignored_by_docker, "MIG104", (".dockerignore:2", "**/migrations/"),
         ("delete line 2 of", "docker compose build app")),
    Case("7", copy_was_dropped, "MIG004", ("no COPY or ADD of the build writes to /app/migrations/versions",),
         ("add: COPY migrations /app/migrations", "docker build .")),
    Case("10", built_and_not_started, "MIG204", ("shop-app-1", "image"),
         ("docker compose -f prod.yml up -d --no-deps app",)),
    Case("11", restarted_with_the_old_image, "MIG204", ("shop-app-1",),
         ("docker compose -f prod.yml up -d --no-deps app",)),
    Case("14", behind_upstream, "MIG706", ("origin/main has 1 migration script", "dd4.py"), ("pull --ff-only",)),
    Case("20", compiled_only, "MIG004", ("only compiled files are there", "sourceless = true"),
         ("docker build .",)),
    Case("21", made_in_the_container, "MIG205", ("009", "shop-app-1"), ("migops rescue -f prod.yml app",)),
    Case("23", made_in_a_one_off, "MIG205", ("009", "shop-app-run-1"), ("migops rescue -f prod.yml app",)),
    Case("near-1277", folder_of_root, "MIG207", ("root",), ("chown",)),
    Case("26", frozen_in_a_volume, "MIG202", ("shop_migrations", "002"), ("shop_migrations",)),
)  # fmt: skip
