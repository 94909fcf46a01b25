"""Estimates find jobs of the same work, however many of other work came in between."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Jobs from before were not timed by a steady clock, and teach nothing."""
    op.add_column(
        "jobs", sa.Column("alike", sa.String(512), nullable=False, server_default=sa.text("''"))
    )
    op.create_index("ix_jobs_alike", "jobs", ["alike", "status", "seq"])
