"""A bind mount in the chain: host → container, the image not in between; and mounts of a part, said as such."""

from __future__ import annotations

import pytest

from migops.analysis import mounted
from migops.analysis.chain import walk
from migops.core.model import Link, PlaceName, PlaceSummary, Report, Verdict
from migops.output import View, render
from migops.sources.mounts import Mount
from tests.rules.made import FIRST, SECOND, container, held

CODE = Mount("bind", "/srv/shop/src", "/app/src")
ALL = Mount("bind", "/srv/shop/migrations", "/app/migrations")
VERSIONS = Mount("bind", "/srv/shop/migrations/versions", "/app/migrations/versions")
ENV = Mount("bind", "/srv/shop/migrations/env.py", "/app/migrations/env.py")
SCRIPT = Mount("bind", "/srv/shop/002.py", "/app/migrations/versions/002.py")
NAMED = Mount("volume", "scripts", "/app/migrations/versions")


@pytest.mark.parametrize(
    ("mounts", "through", "partly"),
    [
        ((), (), ""),
        ((CODE,), (), ""),
        ((ALL,), ("/srv/shop/migrations → /app/migrations",), ""),
        ((ALL, CODE), ("/srv/shop/migrations → /app/migrations",), ""),
        ((VERSIONS,), ("/srv/shop/migrations/versions → /app/migrations/versions",),
         "only the scripts are mounted: /app/migrations/env.py is the image's"),
        ((ENV,), (), "/app/migrations/env.py is mounted from the host (/srv/shop/migrations/env.py → "
         "/app/migrations/env.py); the scripts are the image's"),
        ((SCRIPT,), (), "1 script mounted on its own (/srv/shop/002.py → /app/migrations/versions/002.py)"),
        ((NAMED,), (), "/app/migrations/versions is the volume scripts's (→ /app/migrations/versions), "
         "not the image's"),
        ((ALL, NAMED), (), "/app/migrations/versions is the volume scripts's (→ /app/migrations/versions), not the "
         "image's; /app/migrations/env.py is mounted from the host (/srv/shop/migrations → /app/migrations)"),
    ],
)  # fmt: skip
def test_how_a_container_sees_its_migrations(mounts: tuple[Mount, ...], through: tuple[str, ...], partly: str) -> None:
    found = container(SECOND, *mounts)
    assert (mounted.through(found), mounted.partly(found)) == (through, partly)


def drawn(*, bound: bool, there: dict[str, str] = SECOND) -> list[str]:
    """The lines of the chain: the host and the container have 002, the image does not."""
    places = {
        PlaceName.HOST: held(SECOND, "/srv/shop/migrations"), PlaceName.CONTEXT: held(SECOND, "/srv/shop/migrations"),
        PlaceName.IMAGE: held(FIRST), PlaceName.CONTAINER: held(there),
    }  # fmt: skip
    shown = container(there, *((ALL,) if bound else ()))
    report = Report(
        "check-image", Verdict.FINDINGS, "shop", "app", None,
        tuple(
            PlaceSummary(place, "read", "", read.location[0], len(read.scripts), ("h",),
                         mounted.through(shown) if place is PlaceName.CONTAINER else ())
            for place, read in places.items()
        ),
        walk(places, bound=bound).links, (), (), (),
    )  # fmt: skip
    return render("check-image", report, View(width=100)).splitlines()[2:]


def test_the_image_is_not_drawn_between_host_and_container() -> None:
    assert [line.strip() for line in drawn(bound=True) if line] == [
        "host       2 revisions, head h",
        "/srv/shop/migrations/versions",
        "| the same: mounted from the host",
        "| bind mount /srv/shop/migrations → /app/migrations",
        "container  2 revisions, head h",
        "/app/migrations/versions",
        "| host and context: the same",
        "context    2 revisions, head h",
        "/srv/shop/migrations/versions",
        "X broken here: 1 only in context",
        "image      1 revision, head h",
        "/app/migrations/versions",
        "not what the container reads: the mount is over it",
    ]


def test_a_mount_of_another_folder_than_the_host_s_is_a_break_between_the_two() -> None:
    lines = [line.strip() for line in drawn(bound=True, there=FIRST)]
    at = lines.index("| bind mount /srv/shop/migrations → /app/migrations")
    assert lines[at - 1] == "X broken here: 1 only in host"


def test_without_a_mount_the_image_is_in_between() -> None:
    lines = [line.strip() for line in drawn(bound=False)]
    assert [line.split()[0] for line in lines if "revision" in line] == ["host", "context", "image", "container"]
    assert not any("mount" in line for line in lines)


def test_a_container_that_was_not_compared_with_the_host_keeps_its_place() -> None:
    summaries = (
        PlaceSummary(PlaceName.HOST, "absent", "no configuration"),
        PlaceSummary(PlaceName.IMAGE, "read", "", "/app", 1, ("h",)),
        PlaceSummary(PlaceName.CONTAINER, "read", "", "/app", 1, ("h",), ("/srv → /app",)),
    )
    links: tuple[Link, ...] = walk({PlaceName.IMAGE: held(FIRST), PlaceName.CONTAINER: held(FIRST)}).links
    report = Report(
        "check-image",
        Verdict.CLEAN,
        "shop",
        "app",
        None,
        summaries,
        links,
        (),
        (),
        (),
    )
    lines = render("check-image", report, View(width=100)).splitlines()
    order = [line.split()[0] for line in lines if line.startswith(("  host", "  image", "  container"))]
    assert order == ["host", "image", "container"]
