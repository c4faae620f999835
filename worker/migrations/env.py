"""Run revisions on the connection of `worker.migrations.schema`, in its transaction."""

from alembic import context

from events.log.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
