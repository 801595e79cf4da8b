"""Create dialogue

Revision ID: 006
Revises: 005
"""

import sqlalchemy as sa
from alembic import op

revision: str = "006"
down_revision: str | None = "005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dialogue",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("chat", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("dialogue")
