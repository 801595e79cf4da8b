"""Create product

Revision ID: 3f1c0a7be210
Revises: 
"""

import sqlalchemy as sa
from alembic import op

revision: str = "3f1c0a7be210"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("title", sa.String(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("product")
