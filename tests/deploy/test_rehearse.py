"""The rehearsal on a real engine: what it shows, that a failing one stops everything, and that nothing is left."""

from __future__ import annotations

import pytest

from tests.deploy.stack import PRICE, stack
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine

WIDER = 'op.add_column("product", sa.Column("stock", sa.Integer()))'
DELETES = 'op.execute("delete from product"); op.execute("create index if not exists ix_title on product (title)")'


def test_a_rehearsal(sandbox: Sandbox) -> None:
    found = stack(sandbox)
    old = found.image()
    bad = found.write("b00000000001", PRICE, "op.execute(\"alter table product add check (title <> 'kept')\")")
    failed = found.deploy("--cache", "--rehearse")
    assert (failed.code, failed.json["outcome"]) == (5, "aborted"), failed.stderr
    assert "is violated by some row" in failed.stderr, "the copy has the data"
    assert (found.image(), found.running(), found.rows()) == (old, [old], [PRICE])
    bad.unlink()

    found.write("b00000000002", PRICE, WIDER, 'op.drop_column("product", "stock")')
    found.write("b00000000003", "b00000000002", DELETES, 'op.execute("select 1")')
    done = found.deploy("--cache", "--rehearse")
    assert (done.code, done.json["outcome"]) == (0, "done"), done.stderr
    (*_, lines) = found.journals()
    (rehearsed,) = [line for line in lines if line.get("step") == "rehearse" and line["status"] == "done"]
    first, second = rehearsed["revisions"]
    assert (first["id"], first["locks"]) == ("b00000000002", {"public.product": "AccessExclusiveLock"})
    assert (second["id"], second["locks"]) == ("b00000000003", {}), "held already"
    counts = (rehearsed["rows"]["before"], rehearsed["rows"]["after"], rehearsed["rows_after_downgrade"])
    assert [each["public.product"] for each in counts] == [1, 0, 0]
    assert rehearsed["not_come_back"] == ["index public.ix_title"]
    assert "public.product: 1 row before, 0 rows after the upgrade" in done.stderr
    assert "not restored by the downgrade: index public.ix_title" in done.stderr
    left = sandbox.docker("ps", "-a", "--format", "{{.Image}} {{.Names}}", "--filter", "label=migops.sandbox")
    assert sandbox.name not in left
