"""Top-level ``jobs``, of compose-go's newest schema: checked, and kept as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose.render import service_names
from migops.compose.secrets import secrets_of
from migops.core.errors import MigopsError
from tests.compose.support import read_text

TEXT = """services: {app: {image: app}}
jobs:
  migrate:
    image: ${IMAGE:-app}
    command: alembic upgrade head
    depends_on: [app]
    environment: [DB_PASSWORD=hunter-two-2, STAGE]
    triggers: {manual: true, schedule: ["0 3 * * *", {cron: "0 4 * * *", timezone: UTC}]}
"""


def test_a_job_is_no_service_and_is_printed_as_written(tmp_path: Path) -> None:
    project = read_text(tmp_path, TEXT)
    assert service_names(project) == ["app"]
    assert project.notices == ()
    assert project.resolved["jobs"]["migrate"] == {
        "image": "app", "command": "alembic upgrade head", "depends_on": ["app"],
        "environment": ["DB_PASSWORD=hunter-two-2", "STAGE"],
        "triggers": {"manual": True, "schedule": ["0 3 * * *", {"cron": "0 4 * * *", "timezone": "UTC"}]},
    }  # fmt: skip
    assert "hunter-two-2" in secrets_of(project).secrets


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("command: alembic", "comand: alembic", "jobs.migrate additional properties 'comand' not allowed"),
        ("command: alembic upgrade head", "command: 3", "jobs.migrate.command must be"),
        ("manual: true", "manual: [1]", "jobs.migrate.triggers.manual must be"),
    ],
)
def test_a_wrong_job_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match=said) as refused:
        read_text(tmp_path, TEXT.replace(old, new))
    assert refused.value.at is not None
    assert refused.value.at.line > 2


def test_a_key_that_a_job_does_not_have_is_a_warning(tmp_path: Path) -> None:
    project = read_text(tmp_path, TEXT.replace("depends_on: [app]", "retries: 3"))
    assert [key.path for key in project.unknown_keys] == [("jobs", "migrate", "retries")]
    assert project.resolved["jobs"]["migrate"]["retries"] == 3
