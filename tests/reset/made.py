"""What a reset is planned by, made without an engine: the host is an example in git, the server is set by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from migops.commands.backup.external_sessions import Clients
from migops.commands.backup.source import Source
from migops.commands.deploy.options import Options
from migops.commands.deploy.result import PlannedStep
from migops.commands.deploy.rollback import Rollback
from migops.commands.reset import inputs as resets
from migops.commands.reset import plan
from migops.commands.reset.inputs import ResetInputs
from migops.commands.reset.reset import Reset, ResetOptions, record, tags
from migops.commands.reset.result import ResetPlan, ResetResult
from migops.commands.reset_record import back
from migops.database import parse_url
from migops.database.postgres.swap_statements import Properties
from migops.database.postgres.usage import DatabaseUsage, Table
from migops.migrations.version_table import VersionTable
from migops.sources.database import Reached
from tests.deploy.made import at
from tests.deploy.made import inputs as deployed
from tests.deploy.stack import PRICE

URL = parse_url("postgresql://shop:canary-7f3a@db:5432/shop")
USAGE = DatabaseUsage(
    (Table("public", "alembic_version", 1), Table("public", "product", 3)), 8_000_000, (), ("public",), (), ()
)


def inputs(folder: Path, usage: DatabaseUsage = USAGE, **given: Any) -> ResetInputs:
    """Of the project in ``folder``: a container runs, and the database is at its head."""
    found = replace(
        deployed(folder, service="app", database=at(PRICE, tables=("alembic_version", "product"))),
        rollbacks={"app": Rollback("sha256:old", "sha256:old", "sha256:old")},
    )
    source = Source(Reached(URL, URL, VersionTable(), "DATABASE_URL", "172.18.0.2:5432"), "shop", "app", "shop-db-1",
                    container="c0ffee", server="db")  # fmt: skip
    host = found.host
    made = ResetInputs(
        found, source, Properties(16384, "shop", "UTF8", "C", "C", "pg_default", -1), usage, (), Clients((), ()),
        tuple(resets.scripts_of(found, host)), Path(host.location[0]), folder.parent / "state/reset/20261128T210000",
        "shop_new", "shop_old", "shop_undone",
    )  # fmt: skip
    return replace(made, **given)


def reset(folder: Path, **given: Any) -> Reset:
    return Reset(inputs(folder, **given), ResetOptions("initial", Options()))


def shown(folder: Path, **given: Any) -> ResetPlan:
    made = reset(folder, **given)
    found, planned = made.inputs, plan.make(made)
    return ResetPlan(
        "shop", "app", "shop", "db", found.usage.size, found.usage.tables, (PRICE,), str(found.folder),
        tuple(each.name for each in found.scripts), ("app",), ("app",), found.old, "/state/backups", str(found.saved),
        tuple(tags(found)), tuple(PlannedStep(str(step.name), step.why) for step in planned.steps),
        back(record(found), found.source), planned.notes,
    )  # fmt: skip


def done(folder: Path) -> ResetResult:
    return ResetResult(
        shown(folder), "done", 0, "shop is new and at c0ffee000001", (("backup", "done", 1.5),), "/state/shop.dump",
        "/srv/shop/versions/c0ffee000001_initial.py", "c0ffee000001", (("git", "add", "-A", "."),),
        remove=("docker", "exec", "shop-db-1", "psql"),
    )  # fmt: skip


__all__ = ["done", "inputs", "reset", "shown"]
