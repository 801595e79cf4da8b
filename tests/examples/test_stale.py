"""``migops alembic`` on an image that is older than the host: journeys 12 and 22, and what autogenerate must not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.stack import Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.examples.test_alembic import PRICE, alembic, own, query
from tests.examples.test_guards import refused

pytestmark = pytest.mark.engine

NEXT = f'"""Next"""\nrevision = "b70000000001"\ndown_revision = "{PRICE}"\n\n\ndef upgrade() -> None:\n    {{}}\n'
GONE = '"""Gone"""\nrevision = "b70000000002"\ndown_revision = "b70000000001"\n\n\ndef upgrade() -> None:\n    {}\n'


def scripts(found: Stack) -> set[str]:
    return {path.name for path in (found.project / "migrations/versions").glob("*.py")}


def in_container(found: Stack) -> set[str]:
    return set(found.compose("exec", "-T", "app", "ls", "migrations/versions").split()) - {"__pycache__"}


def test_a_stale_image(sandbox: Sandbox) -> None:
    """Journeys 22 and 12 (`compose watch`): nothing is written upon old scripts, what is left out is said."""
    watch = "    develop: {watch: [{action: sync, path: ./migrations, target: /app/migrations}]}\n"
    found = stack(sandbox, more=watch)
    project = found.project
    script = project / "migrations/versions/b70000000001_next.py"
    script.write_text(NEXT.format("op.execute('select 1')").replace('"""Next"""', '"""Next"""\nfrom alembic import op'))
    before = scripts(found)
    lacks, build = "the host has b70000000001, which", "docker compose -f compose.yaml build app"

    upgraded = alembic(sandbox, project, "--file", "compose.yaml", "upgrade", "head")
    assert upgraded.code == 0, upgraded.stderr
    assert (
        f"{lacks} {sandbox.name}-app-1 lacks: not applied; to apply it: {build}, then migops alembic" in upgraded.stderr
    )
    assert "migops: nothing is pending" not in upgraded.stderr
    for verb in ("heads", "current"):
        read = alembic(sandbox, project, "--file", "compose.yaml", verb)
        assert (read.code, read.stdout) == (0, f"{PRICE} (head)\n")
        assert own(read)[1:] == [f"migops: {lacks} {sandbox.name}-app-1 lacks: {build}"]
    for words in (("revision", "-m", "more"), ("revision", "--autogenerate", "-m", "more"), ("merge", "-m", "more")):
        refused(alembic(sandbox, project, "--file", "compose.yaml", *words), f"{lacks} the image lacks", build)
    assert scripts(found) == before

    sandbox.docker("cp", str(script), f"{sandbox.name}-app-1:/app/migrations/versions/")  # as `compose watch` does
    synced = alembic(sandbox, project, "upgrade", "head")
    assert "from the host to the container only" in own(synced)[0]
    assert f"{lacks} the image lacks: not applied" in synced.stderr

    found.compose("build", "-q", "app")
    made = alembic(sandbox, project, "revision", "-m", "by hand", "--rev-id", "c0ffee000001")
    assert made.code == 0, made.stderr
    assert scripts(found) - before == {"c0ffee000001_by_hand.py"}
    assert "c0ffee000001_by_hand.py" not in in_container(found), "no twin stays in what runs"


def test_autogenerate_where_it_would_do_harm(sandbox: Sandbox) -> None:
    """Old models in the image, models that env.py does not import, a stamped revision; an empty one is told as such."""
    found = stack(sandbox)
    project = found.project
    generate = ("revision", "--autogenerate", "-m", "what the models have")
    before = scripts(found)

    models = project / "models.py"
    models.write_text(models.read_text() + "    stock: Mapped[int | None]\n")
    refused(alembic(sandbox, project, *generate), "models.py", "the image lacks", "docker compose build app")
    checked = alembic(sandbox, project, "check")
    assert "the models that are checked are not the host's (models.py): docker compose build app" in checked.stderr
    edit(models, "    stock: Mapped[int | None]\n", "")

    (project / "orders.py").write_text(
        'from models import Base, Mapped, mapped_column\n\n\nclass Order(Base):\n    __tablename__ = "orders"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    )
    found.query("create table orders (id serial primary key)")
    found.compose("build", "-q", "app")
    refused(alembic(sandbox, project, *generate), "does not import the models Order", "drop_table for orders")
    (project / "orders.py").unlink()
    found.compose("build", "-q", "app")
    refused(alembic(sandbox, project, *generate), "no model that env.py imports maps orders", "--yes")
    assert scripts(found) == before

    forced = alembic(sandbox, project, "--yes", *generate, "--rev-id", "c0ffee000001")
    assert forced.code == 0, forced.stderr
    assert "WARNING: c0ffee000001_what_the_models_have.py destroys table orders" in forced.stderr
    (project / "migrations/versions/c0ffee000001_what_the_models_have.py").unlink()
    found.query("drop table orders")

    found.query("alter table product drop column price")
    refused(
        alembic(sandbox, project, *generate), f"counts {PRICE} as applied", "column product.price", "status --drift"
    )
    found.query("alter table product add column price integer")
    empty = alembic(sandbox, project, *generate, "--rev-id", "c0ffee000002")
    assert empty.code == 0, empty.stderr
    assert "the new revision is empty (c0ffee000002_what_the_models_have.py): models and database agree" in empty.stderr


def test_a_twin_and_a_deploy_with_nothing_pending(sandbox: Sandbox) -> None:
    """A twin that 0.1.0 left is given up, saved first; an image in which Alembic dies is not put to work."""
    found = stack(sandbox)
    inside = "migrations/versions/c0ffee000001_twin.py"
    found.compose("exec", "-T", "app", "alembic", "revision", "-m", "twin", "--rev-id", "c0ffee000001")
    blocked = found.deploy("--cache", "app")
    assert blocked.code == 5
    assert "migops rebuild-and-migrate -f" not in blocked.stderr
    assert "migops rebuild-and-migrate --discard c0ffee000001 app" in blocked.stderr
    assert found.deploy("--cache", "--discard", "0ddba11", "app").code == 2
    found.query("update alembic_version set version_num = 'c0ffee000001'")
    refusal = found.deploy("--cache", "--discard", "c0ffee000001", "app")
    assert (refusal.code, "the database is at c0ffee000001" in refusal.stderr) == (5, True), refusal.stderr
    found.query(f"update alembic_version set version_num = '{PRICE}'")

    env_py = found.project / "migrations/env.py"
    edit(env_py, "target_metadata = Base.metadata", 'target_metadata = Base.metadata\n{}["url"]')
    old = found.running()
    dies = found.deploy("--cache", "--discard", "c0ffee000001", "app")
    assert (dies.code, dies.json["outcome"]) == (5, "aborted"), dies.stderr
    assert "`alembic current` fails in the built image with code 1: KeyError: 'url'" in dies.json["message"]
    assert found.running() == old
    found.compose("exec", "-T", "app", "test", "-f", inside)

    edit(env_py, '\n{}["url"]', "")
    done = found.deploy("--cache", "--discard", "c0ffee000001", "app")
    assert (done.code, done.json["steps"][0]["name"]) == (0, "discard"), done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "c0ffee000001 is saved: " in line]
    assert 'revision: str = "c0ffee000001"' in Path(line.partition("is saved: ")[2]).read_text().replace("'", '"')
    assert "c0ffee000001_twin.py" not in in_container(found)


def test_where_data_goes_it_is_asked(sandbox: Sandbox) -> None:
    """An upgrade that drops something says what, and needs a yes of its own."""
    found = stack(sandbox)
    script = found.project / "migrations/versions/b70000000001_next.py"
    drop = NEXT.format("op.drop_column('product', 'price')").replace(
        "revision =", "from alembic import op\nrevision =", 1
    )
    script.write_text(drop)
    found.compose("build", "-q", "app")
    sentence = "b70000000001 drops column product.price: that data is lost"
    refused(alembic(sandbox, found.project, "upgrade", "head"), sentence, "migops alembic --yes upgrade head")
    planned = found.deploy("--dry-run", "app")
    assert sentence in planned.json["notes"]
    assert query(sandbox, found.project, "select version_num from alembic_version") == PRICE
    done = alembic(sandbox, found.project, "--yes", "upgrade", "head")
    assert (done.code, sentence in done.stderr) == (0, True), done.stderr
