"""docker compose itself reads the edited files, and sees the intended change alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.commands.fix.accepts import composed, objection
from migops.commands.fix.model import FileEdit, Fix
from migops.compose import ComposeOptions
from tests.fix_compose.kit import evidence_of, fix_of, shop_at

pytestmark = pytest.mark.engine
COMPOSE = """\
services:
  app:
    build: .
    environment: {A: "${B:-1}", PASSWORD: canary-77}
    depends_on: [db, cache]
  db:
    image: postgres:15
    environment: {POSTGRES_USER: shop}
  cache: {image: redis}
"""


def test_only_the_intended_change(tmp_path: Path, engine_environ: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_at(tmp_path).write("ops/prod.yml", COMPOSE)
    monkeypatch.chdir(shop.folder)
    options = ComposeOptions(files=("ops/prod.yml",), project_name="x", project_directory=".")
    evidence, words = evidence_of(shop, options), ("docker", "compose", "-f", "ops/prod.yml", "-p", "x")
    words = (*words, "--project-directory", ".")
    project = evidence.setup.project if evidence.setup else None
    assert project is not None
    fix = fix_of(shop, "MIG801", options)
    assert isinstance(fix, Fix)
    (edit,) = fix.edits
    before = composed(words)
    assert before.document is not None, before.reason
    assert edit.after is not None

    def said(content: bytes, *edits: FileEdit) -> str:
        edit.path.write_bytes(content)
        return objection(words, before, edits or (edit,), project)

    assert said(edit.after) == ""
    unread = FileEdit(edit.path, edit.after, edit.after)  # as if migops had read no change
    assert "reads another change in the edited files: services.app.depends_on" in said(edit.after, unread)
    rejected = said(edit.after.replace(b"service_healthy", b"service_happy"))
    assert rejected.startswith("docker compose rejects the edited files: ")
    assert "canary-77" not in rejected
