"""Properties that many entities have: addresses, e-mail addresses, telephone numbers, times of change."""

from worker.sandbox.schema.kinds import (
    Anything,
    Email,
    Flag,
    Group,
    Instant,
    Property,
    Ref,
    Several,
    Text,
    group,
)

_ID = Property("Id", Text(), read_only=True, filterable=True)
METADATA = group(
    Property("CreateTime", Instant(), read_only=True, filterable=True),
    Property("LastUpdatedTime", Instant(), read_only=True, filterable=True),
    Property("LastModifiedByRef", Ref(()), read_only=True),
    Property("CreatedByRef", Ref(()), read_only=True),
    Property("LastChangedInQB", Instant(), read_only=True),
)
# Every object has these; requests may repeat them.
OBJECT = (
    _ID,
    Property("SyncToken", Text(), read_only=True, filterable=True),
    Property("MetaData", METADATA, read_only=True, filterable=True),
    Property("domain", Text(), read_only=True),
    Property("sparse", Flag(), read_only=True),
    Property("status", Text(), read_only=True),
)
ACTIVE = Property("Active", Flag(), filterable=True, default=True)

_LINES = tuple(Property(f"Line{place}", Text(500)) for place in range(1, 6))
ADDRESS = group(
    Property("Id", Text(), read_only=True),
    *_LINES,
    Property("City", Text(255)),
    Property("Country", Text(255)),
    Property("CountryCode", Text(255)),
    Property("County", Text(255)),
    Property("CountrySubDivisionCode", Text(255)),
    Property("PostalCode", Text(30)),
    Property("PostalCodeSuffix", Text(30)),
    Property("Lat", Text(30)),
    Property("Long", Text(30)),
    Property("Tag", Text(255)),
    Property("Note", Text(1000)),
    Property("status", Text(), read_only=True),
)
EMAIL = group(
    Property("Address", Email(), filterable=True),
    Property("Default", Flag()),
    Property("Tag", Text(255)),
    Property("Id", Text(), read_only=True),
)
PHONE = group(
    Property("FreeFormNumber", Text(30)),
    Property("DeviceType", Text(30)),
    Property("CountryCode", Text(30)),
    Property("AreaCode", Text(30)),
    Property("ExchangeCode", Text(30)),
    Property("Extension", Text(30)),
    Property("Default", Flag()),
    Property("Tag", Text(255)),
    Property("Id", Text(), read_only=True),
)
WEBSITE = group(
    Property("URI", Text(1000)),
    Property("Default", Flag()),
    Property("Tag", Text(255)),
    Property("Id", Text(), read_only=True),
)
# Parts that a sparse update may merge member by member.
PARTS = (ADDRESS, EMAIL, PHONE, WEBSITE)
MEMO = group(Property("value", Text(1000)))
ATTACHABLES = Property("AttachableRef", Several(Anything()))


def described(*properties: Property) -> Group:
    """Describe an entity by its own properties, beside those that every object has."""
    return group(*OBJECT, *properties)
