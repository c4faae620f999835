"""The role `ingest`: read events from Kafka. Any number of processes share the partitions."""

from worker.roles.role import RoleContext


async def run(context: RoleContext) -> None:
    """Ingest events from Kafka until the role is stopped."""
    from worker.sources import faust  # noqa: PLC0415 - only this role needs Faust

    await faust.ingest(context.services, context.stopping)
