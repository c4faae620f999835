"""Look up an object by its unique name."""

import re

from worker.commands.kinds.kind import Form, Trace
from worker.quickbooks import queries
from worker.quickbooks.queries import Condition


def forms(field: str, trace: Trace) -> tuple[Form, ...]:
    """Query for the name in the request."""
    return (Form((((field, "=", trace.body[field]),),)),)


def other_forms(field: str, trace: Trace) -> tuple[Form, ...]:
    """Query for the name without characters that the query language may not accept, then for all new objects."""
    new = recent(trace)
    pattern = queries.pattern(trace.body[field])
    like = Form((((field, "LIKE", pattern),),)) if re.search("[A-Za-z0-9]", pattern) else new
    return (like, new)


def recent(trace: Trace, *also: Condition) -> Form:
    """Query for all objects that were created since the request may have been sent."""
    made_since = trace.earliest.isoformat(timespec="seconds")
    return Form(((("MetaData.CreateTime", ">=", made_since), *also),))
