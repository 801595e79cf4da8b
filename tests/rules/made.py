"""Evidence made by hand: what rules about containers look at, without an engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from migops.analysis.chain import walk
from migops.analysis.evidence import Evidence, Sibling
from migops.core.model import Absent, ImageIdentity, MigrationFile, MigrationSet, PlaceName, Reading, Remedy
from migops.core.printed import Commands
from migops.migrations.build import build
from migops.migrations.locate import ScriptPaths
from migops.migrations.revisions import read_revision
from migops.sources.container_model import Container
from migops.sources.environment import Environment
from migops.sources.git_status import GitRecord, GitStatus
from migops.sources.mounts import Mount

NEW, OLD = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ANONYMOUS = "f" * 64
PULL = Remedy("update the host to origin/main", ("git", "-C", "/srv/shop", "pull", "--ff-only"))
FIRST = {"versions/001.py": "revision = '001'\ndown_revision = None\n"}
SECOND = {**FIRST, "versions/002.py": "revision = '002'\ndown_revision = '001'\n"}
GHOST = {**FIRST, "versions/009.py": "revision = '009'\ndown_revision = '001'\n"}


def held(scripts: Mapping[str, str], root: str = "/app/migrations", *, uid: int = 0, env: str = "") -> MigrationSet:
    """A place that holds these scripts, by their names below ``root``."""
    read = [read_revision(f"{root}/{name}", text.encode()) for name, text in scripts.items()]
    return MigrationSet(
        (f"{root}/versions",),
        {name: file(f"{root}/{name}", name, text, uid) for name, text in scripts.items()},
        tuple(script.revision for script in read if script.revision),
        environment={"env.py": file(f"{root}/env.py", "env.py", env, uid)},
    )


def file(path: str, name: str, text: str, uid: int = 0) -> MigrationFile:
    content = text.encode()
    return MigrationFile(name, path, hashlib.sha256(content).hexdigest(), len(content), uid=uid, content=content)


def container(
    scripts: Mapping[str, str], *mounts: Mount, image: str = NEW, name: str = "shop-app-1", env: str = "",
    written: Iterable[str] = (), one_off: bool = False,
) -> Container:  # fmt: skip
    has = held(scripts, env=env)
    paths = ScriptPaths("/app/migrations", has.location)
    number = int(name.rsplit("-", 1)[1]) if name[-1].isdigit() else 1
    found = Environment(has, build(has.revisions), paths, ())
    return Container(name, name, "app", number, True, one_off, image, mounts, found, frozenset(written))


def evidence(
    *containers: Container, host: Mapping[str, str] = SECOND, image: Mapping[str, str] = SECOND,
    git_records: Mapping[str, GitStatus] | None = None, siblings: tuple[Sibling, ...] = (),
    owner: tuple[int, int] = (0, 0), uid: int = 0,
) -> Evidence:  # fmt: skip
    places: dict[PlaceName, Reading] = {
        PlaceName.HOST: held(host, "/srv/shop/migrations", uid=uid),
        PlaceName.IMAGE: held(image),
    }
    lasting = [each for each in containers if not each.one_off]
    if lasting and lasting[0].migrations:
        places[PlaceName.CONTAINER] = lasting[0].migrations
    else:
        places[PlaceName.CONTAINER] = Absent("no container of this service exists")
    return Evidence(
        chain=walk(places, bound=bool(lasting) and lasting[0].is_bound),
        graphs={},
        commands=Commands("app", ("docker", "compose", "-f", "prod.yml"), "shop-app", (), True),
        image=ImageIdentity("shop-app", NEW),
        git_records={name: GitRecord(kind, "abc1234", "2024-05-06", "a change", "origin/main",
                          remedy=PULL if kind is GitStatus.UPSTREAM else None)
               for name, kind in (git_records or {}).items()},
        containers=containers,
        siblings=siblings,
        owner=owner,
    )  # fmt: skip
