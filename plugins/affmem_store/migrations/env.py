"""What Alembic runs: the migrations, on the connection that the store has open."""

from alembic import context

from affmem_store.tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=False,  # the store's own transaction is around all of them
)
context.run_migrations()
