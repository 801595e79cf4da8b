"""Merge price and colour

Revision ID: d5a9126e7bc4
Revises: a94d5e61c8f3, c07f34ab1e62
"""

revision: str = "d5a9126e7bc4"
down_revision: tuple[str, str] | None = ("a94d5e61c8f3", "c07f34ab1e62")
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
