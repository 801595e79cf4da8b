"""Which tables the files that env.py imports may map."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.sources.tables import mapped


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("class Item(Base):\n    __tablename__ = 'item'", ("order_item", "orders")),
        ("links = Table('orders', metadata)", ("item", "order_item")),
        ("class OrderItem(db.Model): ...", ("item", "orders")),
        ("class Orders(SQLModel, table=True): ...", ("item", "order_item")),
        ("x = 'shop.orders'", ("item", "order_item")),
    ],
)
def test_a_table_that_no_text_names_is_not_mapped(text: str, lacking: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(text)
    assert mapped([file]).lacks(("item", "order_item", "orders")) == lacking


@pytest.mark.parametrize(
    "text",
    [
        "context.configure(include_object=ours)",
        "class A(Base):\n    __tablename__ = PREFIX + 'a'",
        "class A(Base):\n    @declared_attr\n    def __tablename__(cls): return cls.__name__",
        "metadata.reflect(engine)",
        "Table(name, metadata)",
    ],
)
def test_where_it_cannot_be_told_nothing_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(text)
    found = mapped([file])
    assert found.lacks(("item",)) == ()
    assert str(file) in found.untold
