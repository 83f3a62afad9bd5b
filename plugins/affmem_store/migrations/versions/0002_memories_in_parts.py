"""PostgreSQL: memories lie in parts, of which an erasure writes one anew, and not all of them.

A save leaves an old version behind: each part is vacuumed once a twentieth of it is dead, not only
at PostgreSQL's fifth. PostgreSQL's own compression takes longer over a memory than all else of a
save, and gains nothing: LZ4 does, in a fraction of the time; without it, none is tried.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

PARTS = 32
EARLY = "autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05"


def upgrade() -> None:
    """Make the parts, and move all memories there."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE affmem_memory RENAME TO affmem_memory_whole")
    op.execute(
        "CREATE TABLE affmem_memory (LIKE affmem_memory_whole INCLUDING DEFAULTS, "
        "PRIMARY KEY (person, version), FOREIGN KEY (person) REFERENCES affmem_person (id)) "
        "PARTITION BY HASH (person)"
    )
    has_lz4 = (
        "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    )
    how = "COMPRESSION lz4" if op.get_bind().scalar(sa.text(has_lz4)) else "STORAGE EXTERNAL"
    op.execute(f"ALTER TABLE affmem_memory ALTER content SET {how}")
    for part in range(PARTS):
        op.execute(
            f"CREATE TABLE affmem_memory_{part} PARTITION OF affmem_memory "
            f"FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part}) WITH ({EARLY})"
        )
    op.execute("INSERT INTO affmem_memory SELECT * FROM affmem_memory_whole")
    op.execute("ALTER SEQUENCE affmem_memory_version_seq OWNED BY affmem_memory.version")
    op.execute("DROP TABLE affmem_memory_whole")
