"""States that take a real Alembic and a real PostgreSQL: the example ``clean``, migrated, with a row in it."""

from __future__ import annotations

from tests.cases.shop import Shop
from tests.fixes.state import State, replace

HEAD = "a94d5e61c8f3"
VOLUME = "    volumes:\n      - dbdata:/var/lib/postgresql/data\n"
QUIET = ("--ignore", "MIG7", "--ignore", "MIG802")
CREATE_ALL = "\nBase.metadata.create_all(engine)\n"


def script(shop: Shop, name: str, column: str) -> None:
    """A revision after the head, which adds a column."""
    text = (
        f'"""Add {column}."""\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{name}"\n'
        f'down_revision = "{HEAD}"\nbranch_labels = None\ndepends_on = None\n\n\ndef upgrade() -> None:\n'
        f'    op.add_column("product", sa.Column("{column}", sa.Integer()))\n\n\ndef downgrade() -> None:\n'
        f'    op.drop_column("product", "{column}")\n'
    )
    shop.write(f"migrations/versions/{name}_{column}.py", text)


def two_heads(shop: Shop) -> None:
    script(shop, "c10000000001", "stock")
    script(shop, "c20000000002", "color")


def strict(shop: Shop) -> None:
    script(shop, "c10000000001", "stock")
    replace("migrations/versions/c10000000001_stock.py", "sa.Integer())", "sa.Integer(), nullable=False)")(shop)


def create_all(shop: Shop) -> None:
    main = shop.folder / "main.py"
    main.write_text(main.read_text() + CREATE_ALL)


STATES = (
    State("MIG301", two_heads, look=("check-image",)),
    State("MIG410", strict, {"add it with server_default": replace(
        "migrations/versions/c10000000001_stock.py", "nullable=False", 'nullable=False, server_default="0"')},
        look=("doctor", *QUIET)),
    State("MIG601", create_all, {"remove the call": replace("main.py", CREATE_ALL, "")}, look=("doctor", *QUIET)),
    State("MIG804", replace("compose.yaml", VOLUME, ""), {"mount a named volume": replace(
        "compose.yaml", "    image: postgres:15\n", f"    image: postgres:15\n{VOLUME}")}, look=("doctor", *QUIET)),
)  # fmt: skip
