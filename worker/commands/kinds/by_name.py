"""Looking up what has a name that no other object of its list has."""

import re

from worker.commands.kinds.kind import Form, Trace
from worker.quickbooks import queries


def forms(field: str, trace: Trace) -> tuple[Form, ...]:
    """Ask for the name that was sent."""
    return (Form((((field, "=", trace.body[field]),),)),)


def other_forms(field: str, trace: Trace) -> tuple[Form, ...]:
    """Ask without the characters that QuickBooks' language may not have, then for whatever is new."""
    made_since = trace.earliest.isoformat(timespec="seconds")
    recent = Form(((("MetaData.CreateTime", ">=", made_since),),))
    pattern = queries.pattern(trace.body[field])
    like = Form((((field, "LIKE", pattern),),)) if re.search("[A-Za-z0-9]", pattern) else recent
    return (like, recent)
