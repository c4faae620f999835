"""Classes, by which a company tells parts of its business apart on transactions."""

from worker.sandbox.books.entity import LIST, Entity, Naming
from worker.sandbox.books.names import in_levels
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import Flag, Property, Ref, Text

CLASS = Entity(
    name="Class",
    properties=described(
        ACTIVE,
        Property("Name", Text(100, ":\t\n"), filterable=True),
        Property("SubClass", Flag(), default=False, filterable=True),
        Property("ParentRef", Ref(("Class",), "Klasses"), filterable=True),
        Property("FullyQualifiedName", Text(), read_only=True, filterable=True),
    ),
    ids="Class",
    operations=LIST,
    naming=Naming(flag="SubClass", alone=False, full=True),
    derived_names=frozenset({"FullyQualifiedName"}),
    derived=in_levels("Class"),
)
