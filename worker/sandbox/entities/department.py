"""Departments, which QuickBooks also calls locations."""

from worker.sandbox.books.entity import LIST, Entity, Naming
from worker.sandbox.books.names import in_levels
from worker.sandbox.schema.common import ACTIVE, ADDRESS, described
from worker.sandbox.schema.kinds import Flag, Property, Ref, Text

DEPARTMENT = Entity(
    name="Department",
    properties=described(
        ACTIVE,
        Property("Name", Text(100, ":\t\n"), filterable=True),
        Property("SubDepartment", Flag(), default=False, filterable=True),
        Property("ParentRef", Ref(("Department",), "Depts"), filterable=True),
        Property("FullyQualifiedName", Text(), read_only=True, filterable=True),
        Property("Address", ADDRESS),
    ),
    ids="Department",
    operations=LIST,
    naming=Naming(flag="SubDepartment", alone=False, full=True),
    derived_names=frozenset({"FullyQualifiedName"}),
    derived=in_levels("Department"),
)
