"""Persons and their memories."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "affmem_store",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("proof", sa.LargeBinary),
    )
    op.create_table(
        "affmem_person",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("handle", sa.String(200), nullable=False, unique=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.String(32), nullable=False),
        sa.Column("changed", sa.String(32), nullable=False),
        sa.Column("consent", sa.String(32)),
        sa.Column("expires", sa.String(32)),
    )
    op.create_table(
        "affmem_memory",
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column(
            "person", sa.String(32), sa.ForeignKey("affmem_person.id"), nullable=False, index=True
        ),
        sa.Column("saved", sa.String(32), nullable=False),
        sa.Column("faces", sa.BigInteger, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
