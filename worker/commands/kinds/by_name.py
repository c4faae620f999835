"""Look up an object by its unique name."""

import re

from worker.commands.kinds.kind import Form, Trace
from worker.quickbooks import queries


def forms(field: str, trace: Trace) -> tuple[Form, ...]:
    """Query for the name in the request."""
    return (Form((((field, "=", trace.body[field]),),)),)


def other_forms(field: str, trace: Trace) -> tuple[Form, ...]:
    """Query for the name without characters that the query language may not accept, then for all new objects."""
    made_since = trace.earliest.isoformat(timespec="seconds")
    recent = Form(((("MetaData.CreateTime", ">=", made_since),),))
    pattern = queries.pattern(trace.body[field])
    like = Form((((field, "LIKE", pattern),),)) if re.search("[A-Za-z0-9]", pattern) else recent
    return (like, recent)
