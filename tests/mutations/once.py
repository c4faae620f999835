"""Mutations of the safeguards of exactly one invoice: look-ups, leases, meanings of errors."""

from tests.mutations.mutation import Mutation

_CLAIMS = "worker/commands/claims.py"
_KINDS = "worker/commands/kinds"
_INVOICE = f"{_KINDS}/create_invoice.py"
_CUSTOMER = f"{_KINDS}/create_customer.py"
_STEPS = "worker/commands/transitions.py"
_REPLIES = "worker/quickbooks/replies.py"
_COMMANDS = tuple(
    f"tests/worker/commands/test_{name}.py"
    for name in ("outcomes", "unanswered", "restored", "refusals", "company_refused", "exactly_once")
)
_QUICKBOOKS = ("tests/worker/quickbooks/test_client.py", "tests/worker/quickbooks/test_faults.py")

MUTATIONS = (
    Mutation(
        "earlier_generations",
        _CLAIMS,
        "return same and realm == command.realm and generation < key.generation",
        "return False",
        "A second attempt is sent although the first is in the books: two invoices.",
        _COMMANDS,
    ),
    Mutation(
        "earlier_lives",
        _CLAIMS,
        "return command.uncertain or bool(command.earlier) or restored or long_ago",
        "return command.uncertain or bool(command.earlier) or long_ago",
        "After a restore, invoices created since the backup are created again.",
        _COMMANDS,
    ),
    Mutation(
        "someone_elses_customer",
        _INVOICE,
        'return is_marked and reference(invoice, "CustomerRef") == reference(trace.body, "CustomerRef")',
        "return is_marked",
        "An invoice that an accountant copied for another customer is taken for ours.",
        _COMMANDS,
    ),
    Mutation(
        "one_day_alone",
        _INVOICE,
        "for number in range((last - first).days + 1)]",
        "for number in range(1)]",
        "After a restore, the day before's invoices are created again, if QuickBooks refuses the usual look-up.",
        _COMMANDS,
    ),
    Mutation(
        "number_tells_absence",
        _INVOICE,
        'Form(((("DocNumber", "=", body["DocNumber"]),),), tells_absence=False)',
        'Form(((("DocNumber", "=", body["DocNumber"]),),))',
        "An invoice that an accountant renumbered is created again.",
        _COMMANDS,
    ),
    Mutation(
        "name_tells_absence",
        _CUSTOMER,
        "replace(named, tells_absence=False)",
        "named",
        "A customer that an accountant renames before its creation is known is created again.",
        _COMMANDS,
    ),
    Mutation(
        "voided_is_found",
        _INVOICE,
        'return "Void" in note and not invoice.get("TotalAmt")',
        "return False",
        "A voided invoice of an earlier attempt is taken for the current one.",
        _COMMANDS,
    ),
    Mutation(
        "uncertain_is_ready",
        _STEPS,
        '"status": "uncertain" if command.uncertain else "ready"',
        '"status": "ready"',
        "A command whose first answer was lost no longer counts as in flight when its look-up fails.",
        _COMMANDS,
    ),
    Mutation(
        "sending_forgotten",
        _STEPS,
        '"last_sent_at": command.last_sent_at,\n        "sends"',
        '"last_sent_at": None,\n        "sends"',
        "A command whose answer was lost is sent without a look-up after its first look-up fails.",
        _COMMANDS,
    ),
    Mutation(
        "no_answer_is_no",
        "worker/commands/retry.py",
        "case errors.OutcomeUnknown() if sent:",
        "case errors.OutcomeUnknown() if sent and not command.attempts:",
        "A request that may have been applied counts as not sent, and is sent again without a look-up.",
        _COMMANDS,
    ),
    Mutation(
        "server_error_is_no",
        _REPLIES,
        "return late or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or",
        "return late or",
        "A 500 that QuickBooks applied all the same counts as a rejection, and a person requests a second invoice.",
        _QUICKBOOKS,
    ),
    Mutation(
        "namesake_is_ours",
        f"{_KINDS}/create_customer.py",
        "return marks.is_own(command, note) or marks.is_of_another_generation(command, note)",
        "return True",
        "Another customer of the same name is taken for ours, and invoiced.",
        _COMMANDS,
    ),
    Mutation(
        "refused_token_is_no",
        _REPLIES,
        "return self.status == HTTPStatus.UNAUTHORIZED and not self.company_refused",
        "return False",
        "An expired token makes every invoice a rejected one.",
        _QUICKBOOKS,
    ),
    Mutation(
        "lease_too_short",
        _CLAIMS,
        "seconds=6 * self.request_seconds + self.settle_seconds",
        "seconds=self.request_seconds",
        "A second worker claims a command that the first is still sending.",
        _COMMANDS,
    ),
    Mutation(
        "fence_does_not_grow",
        _CLAIMS,
        'fence=row["fence"] + 1',
        'fence=row["fence"]',
        "A worker that was frozen stores its outcome over that of its successor.",
        _COMMANDS,
    ),
    Mutation(
        "age_of_its_cause",
        "worker/commands/table.py",
        '"cause_at": min(cause.time, command.since or cause.time)',
        '"cause_at": now',
        "An invoice from before a restore is not looked up when its deal is replayed.",
        _COMMANDS,
    ),
)
