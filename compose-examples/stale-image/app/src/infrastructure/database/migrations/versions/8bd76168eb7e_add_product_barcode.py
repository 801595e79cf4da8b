"""Add product.barcode

Revision ID: 8bd76168eb7e
Revises: 009
"""

import sqlalchemy as sa
from alembic import op

revision: str = "8bd76168eb7e"
down_revision: str | None = "009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("barcode", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("product", "barcode")
