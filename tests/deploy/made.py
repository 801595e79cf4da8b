"""What a deploy is planned by, made without an engine: the host is a real example, the rest is set by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from migops import collect
from migops.analysis.evidence import Evidence
from migops.collect.database_query import Ask
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.services import DeployedService
from migops.compose import ComposeOptions
from migops.core.model import Absent, ImageIdentity, Unknown
from migops.entrypoint.startup import Startup
from migops.sources.container_model import Container
from migops.sources.database_state import DatabaseState
from migops.sources.environment import Environment
from migops.sources.mounts import Mount
from migops.target import Target, Wanted, resolve
from tests.deploy.stack import CREATE
from tests.kit import EXAMPLES
from tests.rules.made import NEW, OLD
from tests.rules.made import container as made

TABLES = ("product",)


def target(folder: Path, service: str = "", **options: Any) -> Target:
    environment = {"COMPOSE_PROJECT_NAME": "shop"}
    return resolve(Wanted(service=service), ComposeOptions(**options), environment, folder)


def at(*rows: str, tables: tuple[str, ...] = TABLES) -> DatabaseState:
    """A database whose version table has these rows."""
    return DatabaseState(rows, bool(rows), tables, version_table="alembic_version", schemas=("public",))


def inputs(
    folder: Path = EXAMPLES / "clean", *, service: str = "", image: bool = True, containers: tuple[Container, ...] = (),
    database: DatabaseState | Absent | Unknown | None = None, startups: dict[Any, tuple[Startup, ...]] | None = None,
    services: tuple[DeployedService, ...] = (), left: dict[str, str] | None = None, scale: dict[str, int] | None = None,
    idle: tuple[str, ...] = (), database_service: str = "db", **options: Any,
) -> DeployInputs:  # fmt: skip
    """Of the example in ``folder``: by default its image is there, one container runs, the database is one behind."""
    found = target(folder, service, **options)
    evidence: Evidence = collect.check(found, None, ask=Ask(), lint=True)
    name = found.service
    containers = containers or ((running(name),) if image else ())
    evidence = replace(
        evidence,
        image=ImageIdentity(found.image, OLD) if image else None,
        containers=containers,
        database=at(CREATE) if database is None else database,
        startups=evidence.startups if startups is None else startups,
    )
    assert evidence.question is not None
    chosen = services or (DeployedService(name, found.image, containers),)
    return DeployInputs(
        found, evidence, evidence.question, chosen, left or {}, ("db",), idle, database_service, scale or {}
    )


def running(service: str = "app", number: int = 1, *mounts: Mount, image: str = OLD) -> Container:
    one = made({}, *mounts, image=image, name=f"shop-{service}-{number}")
    assert isinstance(one.found, Environment)
    found = replace(one.found, migrations=replace(one.found.migrations, script_location="/app/migrations"))
    return replace(one, service=service, found=found)


__all__ = ["NEW", "OLD", "at", "inputs", "running", "target"]
