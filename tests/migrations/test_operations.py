"""What a script creates and drops, by its literals."""

from __future__ import annotations

import pytest

from migops.migrations.operations import operations

HEAD = "from alembic import op\nimport sqlalchemy as sa\n"


def body(*lines: str) -> str:
    return HEAD + "def upgrade():\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("line", "created"),
    [
        ("op.create_table('item', sa.Column('id', sa.Integer))", ("table item",)),
        ("op.create_table('item', sa.Column('id', sa.Integer), schema='shop')", ("table shop.item",)),
        ("op.add_column('item', sa.Column('price', sa.Integer))", ("column item.price",)),
        ("op.add_column(TABLE, sa.Column('price', sa.Integer))", ()),
        ("op.create_index('i', 'item', ['price'])", ()),
    ],
)
def test_created(line: str, created: tuple[str, ...]) -> None:
    assert operations(body(line)).created == created


@pytest.mark.parametrize(
    ("line", "destroyed"),
    [
        ("op.drop_table('item')", ("table item",)),
        ("op.drop_column('item', 'price', schema='shop')", ("column shop.item.price",)),
        ("op.execute('DROP TABLE IF EXISTS \"Item\" CASCADE')", ("table Item",)),
        ("op.execute(sa.text('alter table item drop column if exists price'))", ("column item.price",)),
        ("op.execute('TRUNCATE item')", ("rows of item",)),
        ("op.execute('delete from only shop.item where id < 9')", ("rows of shop.item",)),
        ("op.drop_index('i')", ()),
        ("op.drop_table(NAME)", ()),
    ],
)
def test_destroyed(line: str, destroyed: tuple[str, ...]) -> None:
    assert operations(body(line)).destroyed == destroyed


def test_a_batch_knows_its_table_and_helpers_are_followed() -> None:
    text = body("with op.batch_alter_table('item') as batch:", "    batch.drop_column('price')", "more()")
    text += "def more():\n    op.drop_table('old')\ndef downgrade():\n    op.drop_table('item')\n"
    assert operations(text).destroyed == ("column item.price", "table old")
    assert operations(text, "downgrade").destroyed == ("table item",)


@pytest.mark.parametrize("text", ["", "def upgrade(:", "upgrade = None"])
def test_what_cannot_be_read_says_nothing(text: str) -> None:
    assert operations(text).destroyed == ()
