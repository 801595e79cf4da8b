"""A real result for every answer of the registry: read from an example if that needs no server, else made by hand."""

from __future__ import annotations

import os
from pathlib import Path

from migops import collect, rules, target
from migops.analysis.evidence import Evidence
from migops.collect.drawing import of_environment
from migops.commands import check, config, failures, layers, status, versions
from migops.commands.backup.contents import Contents
from migops.commands.backup.external_sessions import Container
from migops.commands.backup.identity import Compared, Relation
from migops.commands.backup.restore_plan import Restore
from migops.commands.backup.result import BackupList, BackupResult, RestoreResult
from migops.commands.backup.source import Source
from migops.commands.backup.store import Backup
from migops.commands.backup.swap import Swapped
from migops.commands.backup.take import Pruned
from migops.commands.backup.verify import Verified
from migops.commands.fix.model import FileEdit, Fix
from migops.commands.fix.plan import Fixable, Plan, Unfixed
from migops.commands.fix.result import Check, FixResult, Preview, UndoResult
from migops.commands.graph import GraphResult
from migops.commands.log import DatabaseLock, LogResult, RunLog
from migops.commands.rescue import Copy, Left, RescueResult
from migops.compose import ComposeOptions, Project, load
from migops.compose.verify import Difference
from migops.core.model import Finding, MigrationFile, PlaceName, Severity, Subject, Unknown
from migops.database import parse_url
from migops.database.postgres.swap_statements import Properties
from migops.docker import Engine
from migops.migrations.version_table import VersionTable
from migops.sources.database import Reached
from migops.state.journal import Run
from migops.state.process import ourselves
from tests.adopt.test_shown import CASES
from tests.backup.test_store import MADE
from tests.deploy.made import inputs
from tests.kit import example, write_image
from tests.output.test_deploy import STUCK
from tests.reset.made import done, shown

URL = parse_url("postgresql://shop:canary-7f3a@db:5432/shop")
WHEN = "2026-11-22T08:34:00.000+00:00"


def results(folder: Path) -> dict[str, object]:
    """Answer → result, for every answer. ``folder`` gets a copy of an example, which becomes the current folder."""
    project = example("clean", folder)
    os.chdir(project)
    resolved = target.resolve(target.Wanted(needs_image=False), ComposeOptions(), {}, project)
    evidence = collect.check(resolved, None, all_files=False)
    model = load(ComposeOptions(), os.environ)
    return {
        **_reports(resolved, evidence),
        **_of_config(model),
        "layers": _layers(project, folder),
        "rescue": _rescue(),
        "rebuild-and-migrate": STUCK,
        "rebuild-and-migrate --dry-run": _plan(),
        **_backups(folder),
        "reset": done(project),
        "reset --dry-run": shown(project),
        "adopt": CASES["different"],
        **_log(),
        "version": versions.everything(0.1),
        "explain": rules.RULES,
        "explain RULE": rules.RULES[0],
        "explain failures": failures.FAILURES,
        "explain FAILURE": failures.FAILURES[0],
    }


def _reports(resolved: target.Target, evidence: Evidence) -> dict[str, object]:
    places = [PlaceName.HOST, PlaceName.CONTEXT]
    made = status.make(resolved, evidence, rules.RULES, Severity.ERROR, places)
    return {
        "check-image": check.make("check-image", resolved, evidence, rules.RULES, Severity.ERROR, places),
        "doctor": check.make("doctor", resolved, evidence, rules.RULES, Severity.ERROR, places),
        **_fixes(resolved, evidence),
        "status": made,
        "graph": GraphResult(of_environment(collect.host(resolved)), made),
    }


def _fixes(resolved: target.Target, evidence: Evidence) -> dict[str, object]:
    report = check.make("doctor", resolved, evidence, rules.RULES, Severity.ERROR, [PlaceName.HOST])
    finding = Finding("MIG503", "credentials-in-ini", Severity.WARNING, Subject(), "it contains a password", "why")
    ini = Path("alembic.ini")
    url = b"\nsqlalchemy.url = postgresql://shop:canary-7f3a@db/shop\n"
    edit = FileEdit(ini, ini.read_bytes() + url, ini.read_bytes())
    fixable = Fixable(finding, Fix("MIG503", "take the URL out", (edit,), note="change the password"))
    plan = Plan((fixable,), (Unfixed(finding, "another reads it"),))
    untried = Check("the application starts", "no engine")
    preview = Preview(report, plan, (edit,), (untried,))
    result = FixResult(
        preview, resolved.commands, (fixable,), (), (edit,), (untried,), 3, Path("/state/fixes/000003"), (finding,)
    )
    undone = UndoResult(3, (Path("alembic.ini"),))
    return {"doctor --fix": result, "doctor --fix plan": preview, "doctor --undo": undone}


def _of_config(model: Project) -> dict[str, object]:
    difference = Difference(("services", "app", "image"), "a", None)
    return {
        "config": model,
        "config --explain": config.explain(model, "services"),
        "config --verify": config.Verification((difference,)),
        "config --services": model,
        "config --images": model,
        "config --volumes": model,
    }


def _layers(project: Path, folder: Path) -> object:
    archive = write_image(folder / "app.tar", {"/app": project})

    def engine() -> Engine:
        raise AssertionError("an archive needs no engine")

    return layers.find(f"docker-archive:{archive}", "", "", engine)


def _rescue() -> RescueResult:
    script = MigrationFile("versions/c1.py", "/app/migrations/versions/c1.py", "ab" * 32)
    copy = Copy(script, "c1", "shop-app-1", Path("/srv/shop/versions/c1.py"), "its name was taken")
    return RescueResult((copy,), (Left("versions/d1.py", "d1", "shop-app-1", "git deleted it"),), dry_run=True)


def _plan() -> object:
    from migops.commands.deploy import plan
    from migops.commands.deploy.options import Options
    from migops.commands.deploy.result import PlannedStep, PlanResult

    steps = plan.make(inputs(), Options()).steps
    return PlanResult("shop", "app", tuple(PlannedStep(step.name, step.why) for step in steps), (("b2", "x"),), ("a1",))


def _backups(folder: Path) -> dict[str, object]:
    dump = folder / "shop.dump"
    dump.write_bytes(b"PGDMP")
    backup = Backup(dump, MADE)
    planned = RestoreResult(_restore(dump))
    swapped = Swapped(True, (), (), 1.25)
    return {
        "backup": BackupResult(backup, Pruned((), 2), ("migops", "restore", "shop.dump")),
        "backup --list": BackupList(folder, (backup, Backup(dump, None, "it has no manifest"))),
        "restore": RestoreResult(planned.plan, swapped),
        "restore --dry-run": planned,
    }


def _restore(dump: Path) -> Restore:
    reached = Reached(URL, URL, VersionTable(), "DATABASE_URL", "172.18.0.2:5432")
    source = Source(reached, "shop", "app", "shop-db-1", container="c0ffee", server="db")
    verified = Verified(
        Contents("shop", "15.8", 9, ("public product shop",), ("public product shop",)), 2345, "ab" * 32, ("a1",)
    )
    properties = Properties(16384, "shop", "UTF8", "C", "C", "pg_default", -1)
    container = Container("c1", "shop-app-1", "app", "its environment names the database")
    return Restore(
        source, dump, MADE, verified, ("public", "alembic_version"), properties, Unknown("it does not answer"),
        "shop_new", "shop_old", (container,), ("psql on 10.0.0.9",), 20.0,
        Compared(Relation.RECREATED, ("its system",)),
    )  # fmt: skip


def _log() -> dict[str, object]:
    steps = ({"at": WHEN, "step": "backup", "status": "done", "path": "/state/shop.dump"},)
    run = Run(Path("x"), 12, "backup", ("app",), ourselves(), WHEN, steps, "done", 0, WHEN)
    log = RunLog("shop", Path("x"), (run, run), None, None, DatabaseLock(), ("migops", "log", "--unlock"))
    return {"log": LogResult(log, (run,)), "log RUN": LogResult(log, (run,))}
