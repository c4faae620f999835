"""The role `ingest`: events in from Kafka. Any number of processes share its partitions."""

from worker.roles.role import RoleContext


async def run(context: RoleContext) -> None:
    """Take events in from Kafka until told to stop."""
    from worker.sources import faust  # noqa: PLC0415 - only this role needs Faust

    await faust.ingest(context.services, context.stopping)
