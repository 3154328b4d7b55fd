"""What the files of the project were at each attempt of a durable run."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("code_files", sa.Text()))
    op.execute("UPDATE meta SET schema = 7")
