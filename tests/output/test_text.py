"""Text as a person sees it, held to golden files at 80 and 120 columns.

UPDATE_GOLDEN=1 writes them anew: read the difference before you commit it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from migops.core.model import (
    Finding,
    ImageIdentity,
    Link,
    LinkStatus,
    PlaceName,
    PlaceSummary,
    Remedy,
    Report,
    Row,
    Severity,
    Skipped,
    Subject,
    Verdict,
)
from migops.output import View, formats
from migops.output import render as render_answer

GOLDEN = Path(__file__).parent / "golden"
HOST, CONTEXT, IMAGE = PlaceName.HOST, PlaceName.CONTEXT, PlaceName.IMAGE
BUILD = ("docker", "compose", "-f", "docker-compose.prod.yml", "build", "app")
DATE = datetime(2026, 11, 22, 8, 34, tzinfo=timezone.utc)
BUILT = ImageIdentity("llm-bot-app", "sha256:7a49b48adb3b0123456789", DATE)


def place(name: PlaceName, revisions: int, *heads: str) -> PlaceSummary:
    return PlaceSummary(name, "read", "", "/app/migrations/versions", revisions, heads)


STALE = Report(
    command="check-image",
    verdict=Verdict.FINDINGS,
    project="llm-bot",
    service="app",
    image=BUILT,
    places=(place(HOST, 10, "8bd7"), place(CONTEXT, 10, "8bd7"), place(IMAGE, 11, "010", "8bd7")),
    links=(
        Link(HOST, CONTEXT, LinkStatus.EQUAL),
        Link(CONTEXT, IMAGE, LinkStatus.DIFFERS, only_target=("versions/010_discount.py",)),
    ),
    rows=(
        Row(
            "010", "versions/010_discount.py", {HOST: "missing", CONTEXT: "missing", IMAGE: "held"}, (CONTEXT, IMAGE)
        ),
    ),
    findings=(
        Finding(
            "MIG001", "ghost-revision", Severity.ERROR, Subject("010", "versions/010_discount.py"),
            "versions/010_discount.py is in the image but not on the host",
            "deleted in git by commit 2b34233 of 2026-11-22 (Give up on discounts); the image was built on "
            "2026-11-22 08:34 UTC with the old copy",
            (CONTEXT, IMAGE), {"sha256": "ab12"}, (Remedy("rebuild to drop the deleted script", BUILD),),
        ),
        Finding(
            "MIG006", "environment-differs", Severity.WARNING, Subject("", "env.py"),
            "env.py differs between image and host", "the host's was edited since", (HOST, IMAGE), {},
            (Remedy("edit it"), Remedy("rebuild", BUILD), Remedy("or leave it", alternative=True)),
        ),
    ),
    skipped=(Skipped("MIG104", "context: a RUN may change it"),),
)  # fmt: skip

BLIND = Report(
    command="check-image",
    verdict=Verdict.UNKNOWN,
    project="shop",
    service="app",
    image=None,
    places=(place(HOST, 2, "a9"), PlaceSummary(IMAGE, "unknown", "the engine at unix:///nope cannot be reached")),
    links=(Link(HOST, IMAGE, LinkStatus.UNKNOWN, reason="the engine at unix:///nope cannot be reached"),),
    rows=(),
    findings=(),
    skipped=(Skipped("MIG001", "image: the engine at unix:///nope cannot be reached"),),
    missing=("image: the engine at unix:///nope cannot be reached (try: is it up?)",),
)

CLEAN = Report(
    command="check-image",
    verdict=Verdict.CLEAN,
    project="shop",
    service="app",
    image=BUILT,
    places=(place(HOST, 2, "a9"), place(IMAGE, 2, "a9")),
    links=(Link(HOST, IMAGE, LinkStatus.EQUAL),),
    rows=(),
    findings=(),
    skipped=(),
)

LEFT_OUT = replace(
    CLEAN,
    links=(Link(HOST, IMAGE, LinkStatus.DIFFERS, changed=("versions/a9.py",)),),
    deselected=("MIG001", "MIG002", "MIG003", "MIG101", "MIG301"),
)


def render(report: Report, view: View, format_: str = "text") -> str:
    return render_answer("check-image", report, view, format_)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    ("name", "report"), [("stale", STALE), ("blind", BLIND), ("clean", CLEAN), ("left-out", LEFT_OUT)]
)
def test_golden(name: str, report: Report, width: int) -> None:
    text = render(report, View(width=width))
    golden = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("report", [STALE, BLIND, CLEAN, LEFT_OUT])
def test_every_format_renders_every_report(report: Report) -> None:
    for name in formats("check-image"):
        text = render(report, View(), name)
        assert text.endswith("\n"), name
        assert report.verdict.value.upper()[:5] in text.upper() or "NO VERDICT" in text


def test_nothing_but_commands_is_wider_than_the_terminal() -> None:
    lines = render(STALE, View(width=80)).splitlines()
    wide = [line for line in lines if len(line) > 80]
    assert all("docker compose" in line for line in wide)


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[" not in render(STALE, View(color=False))
    assert "\x1b[" in render(STALE, View(color=True))


def test_quiet_is_the_verdict_alone() -> None:
    assert render(STALE, View(quiet=True)) == "FINDINGS  app: 1 error, 1 warning\n"


def test_verbose_shows_the_facts() -> None:
    assert "sha256=ab12" in render(STALE, View(verbose=True))


def test_the_same_is_said_only_where_it_is_the_same() -> None:
    def headline(report: Report) -> str:
        return render(report, View(quiet=True)).strip()

    assert headline(CLEAN) == "CLEAN  app: same migrations in host, image"
    assert headline(replace(CLEAN, deselected=("MIG002",))).endswith(
        "same migrations in host, image (1 rule deselected)"
    )
    assert headline(LEFT_OUT) == "CLEAN  app: no findings at or above error (5 rules deselected)"
    assert headline(replace(LEFT_OUT, fail_on=Severity.WARNING)).startswith(
        "CLEAN  app: no findings at or above warning"
    )


def test_a_break_is_between_the_places_that_were_compared() -> None:
    lost = PlaceSummary(CONTEXT, "unknown", "/opt/release/alembic.ini: no such file")
    places = (place(HOST, 10, "8bd7"), lost, place(IMAGE, 11, "010", "8bd7"))
    broken = Link(HOST, IMAGE, LinkStatus.DIFFERS, only_target=("versions/010_discount.py",))
    links = (Link(HOST, CONTEXT, LinkStatus.UNKNOWN), broken)
    text = render(replace(STALE, places=places, links=links), View(width=120))
    assert "X broken between host and image: 1 only in image" in text
    assert "broken here" not in text
    same = replace(STALE, places=places, links=(links[0], Link(HOST, IMAGE, LinkStatus.EQUAL)))
    assert "| host and image: the same" in render(same, View(width=120))
