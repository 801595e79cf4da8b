"""Add dialogue.answer

Revision ID: 007
Revises: 006
"""

import sqlalchemy as sa
from alembic import op

revision: str = "007"
down_revision: str | None = "006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dialogue", sa.Column("answer", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("dialogue", "answer")
