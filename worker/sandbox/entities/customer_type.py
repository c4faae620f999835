"""Types of customers. People make them in QuickBooks; apps read them only."""

from worker.sandbox.books.entity import Entity, Naming
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import Property, Text

CUSTOMER_TYPE = Entity(
    name="CustomerType",
    properties=described(ACTIVE, Property("Name", Text(100), filterable=True)),
    ids="CustomerType",
    operations=frozenset({"read", "query"}),
    naming=Naming(),
    counted=True,
)
