"""What a run needs to be gone on with: small results in its row, where its flow is, what it was."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.add_column("task_run", sa.Column("result_body", sa.LargeBinary()))
    op.add_column("task_run", sa.Column("arguments", sa.Text()))
    op.add_column("flow_run", sa.Column("entrypoint", sa.Text()))
    op.add_column(
        "flow_run", sa.Column("durable", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column("flow_run", sa.Column("rerun_of", uid))
    op.add_column("flow_run", sa.Column("parameters_id", uid))
    op.execute("UPDATE meta SET schema = 5")
