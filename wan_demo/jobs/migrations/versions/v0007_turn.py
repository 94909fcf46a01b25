"""The order in which jobs were taken, by a count: clocks go back."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """What was taken before has no turn: everybody begins anew."""
    op.add_column("jobs", sa.Column("turn", sa.Integer))
    op.create_index("ix_jobs_turn", "jobs", ["turn"])
    op.drop_index("ix_jobs_started", "jobs")
