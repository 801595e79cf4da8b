"""doctor's answer as a person sees it, held to golden files at 80 and 120 columns. UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from migops.core.location import Location
from migops.core.model import (
    Finding,
    Link,
    LinkStatus,
    PlaceName,
    PlaceSummary,
    Plan,
    Remedy,
    Report,
    Severity,
    Skipped,
    Subject,
    Verdict,
)
from migops.output import View, render
from tests.output.test_text import BUILT, GOLDEN, place
from tests.plan import made

HOST, IMAGE, CONTAINER, DATABASE = PlaceName.HOST, PlaceName.IMAGE, PlaceName.CONTAINER, PlaceName.DATABASE
UNVERSIONED = PlaceSummary(DATABASE, "read", "", "postgresql://postgres@db/shop", 0, ())


def found(rule: str, message: str, *remedy: Remedy, severity: Severity = Severity.ERROR, revision: str = "") -> Finding:
    return Finding(rule, "a-name", severity, Subject(revision), message, "its cause", remedy=remedy)


def edit(why: str, at: Location) -> Remedy:
    return Remedy(why, at=at)


FINDINGS = (
    found("MIG001", "versions/010.py is in the image but not on the host", made.BUILD, revision="010"),
    found("MIG101", "layer 9 contains 1 script that differs from the host", made.BUILD),
    found("MIG301", "image and container have 2 heads: 010, 8bd7", made.BUILD),
    found("MIG401", "the database has no version table, but 5 tables: users, orders and 3 more", made.ADOPT),
    found("MIG501", "version_num_format breaks Alembic: a single % is interpolation syntax",
          edit("delete the line (Alembic has no such option: file_template and --rev-id number files)", made.INI)),
    found("MIG801", "app starts before db is ready", edit("wait", Location("/shop/prod.yml", 5)),
          severity=Severity.WARNING),
    found("MIG802", "POSTGRES_PASSWORD of service db is a well-known default password, as everybody knows",
          edit("choose another", Location("/shop/prod.yml", 21)), severity=Severity.WARNING),
    *(found("MIG307", "its downgrade does nothing", edit("write it", Location(f"/shop/versions/{n}.py", 20)),
            severity=Severity.INFO, revision=n) for n in ("001", "002", "003")),
)  # fmt: skip
PLACES = (place(HOST, 10, "8bd7"), place(IMAGE, 11, "010", "8bd7"), place(CONTAINER, 11, "010", "8bd7"), UNVERSIONED)
LINKS = (
    Link(HOST, IMAGE, LinkStatus.DIFFERS, only_target=("versions/010.py",)),
    Link(IMAGE, CONTAINER, LinkStatus.EQUAL),
)
MESS = Report(
    "doctor", Verdict.FINDINGS, "shop", "app", BUILT, PLACES, LINKS, (), FINDINGS, (), plan=made.plan(*FINDINGS)
)
CLEAN = replace(
    MESS, verdict=Verdict.CLEAN, places=(place(HOST, 10, "8bd7"), place(IMAGE, 10, "8bd7")),
    links=(Link(HOST, IMAGE, LinkStatus.EQUAL),), findings=(), plan=made.plan(),
)  # fmt: skip
CHOICE = found("MIG301", "git, host and image have 2 heads: a, b", made.MERGE, made.BUILD, made.OR)
HEADS = replace(MESS, findings=(CHOICE,), plan=made.plan(CHOICE))
BLIND = replace(
    MESS, verdict=Verdict.UNKNOWN, links=(), findings=(), plan=Plan(next_command=made.START.command),
    places=(place(HOST, 10, "8bd7"), PlaceSummary(DATABASE, "unknown", "the container of the service db is exited")),
    missing=("database: the container of the service db is exited (try: `docker compose up -d db` starts it)",),
    skipped=(Skipped("MIG401", "database: the container of the service db is exited"),),
)  # fmt: skip
REPORTS = {"mess": MESS, "fine": CLEAN, "heads": HEADS, "no-server": BLIND}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", REPORTS)
def test_golden(name: str, width: int) -> None:
    text = render("doctor", REPORTS[name], View(width=width))
    golden = GOLDEN / f"doctor-{name}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", REPORTS)
def test_only_commands_are_wider_than_the_terminal(name: str) -> None:
    text = render("doctor", REPORTS[name], View(width=60))
    assert all(" docker " in line or " migops " in line for line in text.splitlines() if len(line) > 60)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_ends_with_what_to_do_now(name: str) -> None:
    assert render("doctor", REPORTS[name], View(width=200)).splitlines()[-1].startswith("next   ")


def test_a_mounted_container_is_drawn_with_the_host() -> None:
    mounted = replace(place(CONTAINER, 10, "8bd7"), mounts=("/shop/migrations at /app/migrations",))
    links = (LINKS[0], Link(HOST, CONTAINER, LinkStatus.EQUAL))
    text = render("doctor", replace(MESS, places=(*PLACES[:2], mounted, UNVERSIONED), links=links), View(width=120))
    assert "\n  host, container (mounted) 8bd7  X  image 010, 8bd7  |  database no revision\n" in text


def test_the_full_mess_is_at_most_fifteen_lines() -> None:
    assert render("doctor", MESS, View(width=120)).count("\n") <= 15


def test_verbose_has_every_finding_in_full_and_no_circle() -> None:
    text = render("doctor", MESS, View(width=120, verbose=True))
    assert all(f"{each.rule} a-name ({each.severity.value})" in text for each in FINDINGS)
    ways = render("doctor", HEADS, View(width=120, verbose=True))
    assert "next   choose one of the ways of step 1" in ways
    assert "doctor -v" not in ways


def test_quiet_is_the_verdict_alone() -> None:
    assert render("doctor", MESS, View(quiet=True)) == "FINDINGS  app: 5 errors, 2 warnings, 3 info\n"


def test_the_document_has_the_plan_and_all_that_it_had() -> None:
    document = json.loads(render("doctor", MESS, View(), "json"))
    check = json.loads(render("check-image", MESS, View(), "json"))
    assert check.items() <= document.items()
    edit, commit, build, adopt, deploy = document["plan"]
    assert (edit["edit"][:15], edit["file"], edit["line"], edit["command"]) == (
        "delete the line",
        "/shop/alembic.ini",
        5,
        [],
    )
    assert build["rules"] == ["MIG001", "MIG101", "MIG301"]
    assert build["follows"] == ["MIG101", "MIG301"]
    assert [step["action"] for step in (commit, adopt, deploy)] == ["commit", "adopt", "deploy"]
    assert all(bool(step["command"]) != bool(step["edit"]) for step in document["plan"])
    assert document["next"] == {"text": "edit /shop/alembic.ini:5 (step 1), then step 2", "command": []}


def test_a_clean_headline_does_not_say_that_an_old_database_has_the_same() -> None:
    pending = found("MIG402", "the database is behind the image by 1: 8bd7", made.UPGRADE, severity=Severity.WARNING)
    behind = replace(CLEAN, findings=(pending,), plan=made.plan(pending), places=(*CLEAN.places, UNVERSIONED))
    text = render("doctor", behind, View(width=120))
    assert text.startswith("CLEAN  app: same migrations in host, image; the database has not run them all (1 warning)")


def test_a_step_by_hand_says_its_text_once() -> None:
    around = replace(made.AROUND, has_git=True)
    heads = replace(HEADS, plan=made.plan(CHOICE, around=around))
    assert render("doctor", heads, View(width=120)).count("read the new revision") == 1
