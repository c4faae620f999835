"""Mutations of the rules that keep accounts and customers in step."""

from tests.mutations.mutation import Mutation

_FOLDER = "worker/quote_to_cash/in_step"
_SETTLE = f"{_FOLDER}/settle.py"
_RULES = f"{_FOLDER}/rules.py"
_TESTS = tuple(
    f"tests/worker/quote_to_cash/in_step/test_{name}.py" for name in ("settling", "keeping", "any_order")
)

MUTATIONS = (
    Mutation(
        "first_comparison",
        _SETTLE,
        "has_a_say = now.of(now.rule) is not None or (not is_first and now.rule in changed)",
        "has_a_say = True",
        "Switching it on empties fields of the side that has values.",
        _TESTS,
    ),
    Mutation(
        "both_changed",
        _SETTLE,
        "return None if len(changed) > 1 else next(iter(changed))",
        'return "crm" if "crm" in changed else "quickbooks"',
        "An accountant's edit is overwritten by one in the CRM, without a word.",
        _TESTS,
    ),
    Mutation(
        "own_form",
        _SETTLE,
        'field = replace(field, state="agreed", base=now.values)',
        "field = replace(field, base=now.values)",
        "A CRM with a form of its own seems never to take a value over.",
        _TESTS,
    ),
    Mutation(
        "offers",
        _SETTLE,
        "return replace(known, base=BothValues(now.crm, known.offers[count - 1]), offers=known.offers[count:])",
        "return replace(known, offers=known.offers[count:])",
        "A value that the CRM took over counts as its own edit, and as a conflict with a later one.",
        _TESTS,
    ),
    Mutation(
        "told_once",
        _SETTLE,
        "is_told = is_new or now.take is not None or (overrules and now.crm != known.values.crm)",
        "is_told = True",
        "A CRM that takes nothing over is told the same value with each of its snapshots.",
        _TESTS,
    ),
    Mutation(
        "replaced_again",
        _SETTLE,
        "times=known.times + 1 if again else 1",
        "times=1",
        "Two programs replace each other's value for ever.",
        _TESTS,
    ),
    Mutation(
        "unfit",
        _SETTLE,
        "    if now.unfit is not None:\n        return Settled(",
        "    if False:\n        return Settled(",
        "A wrong e-mail address in the CRM erases the right one in QuickBooks.",
        _TESTS,
    ),
    Mutation(
        "own_effect",
        _RULES,
        "if update is not None and update.sync_token != seen.sync_token:",
        "if False:",
        "A version that our own update made counts as an accountant's edit.",
        _TESTS,
    ),
    Mutation(
        "withdrawn",
        _RULES,
        "    if update is not None and update.fields != target and not target:\n",
        "    if False:\n",
        "A value that the CRM took back is written all the same.",
        _TESTS,
    ),
    Mutation(
        "invoices_only",
        "worker/quote_to_cash/customers/holders.py",
        "link.customer_id == customer_id and not link.also",
        "link.customer_id == customer_id",
        "A customer is kept in step with an account that only shares its invoices, or with none.",
        _TESTS,
    ),
    Mutation(
        "inactive_in_step",
        _RULES,
        "seen.exists and seen.active and customer.merged is None",
        "seen.exists and customer.merged is None",
        "The CRM gets QuickBooks' name of an inactive customer.",
        _TESTS,
    ),
    Mutation(
        "created_in_step",
        f"{_FOLDER}/pairs.py",
        "if created is not None and created.account_id == account_id:",
        "if False:",
        "An edit soon after a customer was created is a conflict with the values that it was created with.",
        _TESTS,
    ),
)
