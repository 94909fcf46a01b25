"""Owners pin and delete what they made."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing is pinned or deleted yet."""
    op.add_column(
        "jobs", sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("jobs", sa.Column("deleted_at", sa.DateTime(timezone=True)))
