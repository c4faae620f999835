"""Mutations of the safeguards of updates: the version, the request ID, and superseding."""

from tests.mutations.mutation import Mutation

_UPDATES = "worker/commands/updates.py"
_ATTEMPTS = "worker/commands/attempts.py"
_TABLE = "worker/commands/table.py"
_CANDIDATES = "worker/commands/candidates.py"
_SLOTS = "tests/worker/commands/test_slots.py"
_TESTS = tuple(f"tests/worker/commands/test_{name}.py" for name in ("updates", "superseding"))

MUTATIONS = (
    Mutation(
        "version_of_an_update",
        "worker/quote_to_cash/customers/body.py",
        '"SyncToken": str(sync_token)',
        '"SyncToken": str(sync_token + 1)',
        "An update replaces an edit that nobody here has seen.",
        (*_TESTS, "tests/worker/quote_to_cash/test_update_body.py"),
    ),
    Mutation(
        "another_version_is_ours",
        _UPDATES,
        "        if has_values(entity, body):\n",
        "        if entity:\n",
        "An accountant's edit counts as our update, which is lost.",
        _TESTS,
    ),
    Mutation(
        "another_version_is_no_end",
        _UPDATES,
        "        if found == wanted:\n",
        "        if not has_values(entity, body):\n",
        "An update of an outdated version is sent again, instead of settling the fields by the new version.",
        _TESTS,
    ),
    Mutation(
        "stale_is_never_ours",
        _ATTEMPTS,
        "_MAY_BE_OURS = frozenset({DUPLICATE_DOC_NUMBER, DUPLICATE_NAME, STALE_OBJECT})",
        "_MAY_BE_OURS = frozenset({DUPLICATE_DOC_NUMBER, DUPLICATE_NAME})",
        "An update of an outdated version waits for a person, instead of settling the fields by the new version.",
        _TESTS,
    ),
    Mutation(
        "request_id_of_other_values",
        "worker/commands/identity.py",
        "(*identity, body) if body else identity",
        "identity",
        "After a restore, other values under a known generation are answered and not applied.",
        _TESTS,
    ),
    Mutation(
        "every_update_is_sent",
        _TABLE,
        "replaced = [row.request_id for row in locked if",
        "replaced = [row.request_id for row in locked if False and",
        "Each change while QuickBooks is down is sent afterwards, one by one, and all but the first are refused.",
        _TESTS,
    ),
    Mutation(
        "superseded_though_sent",
        _TABLE,
        'row.status == "ready" and row.first_sent_at is None',
        'row.status == "ready"',
        "An update that was sent is dropped without an outcome.",
        _TESTS,
    ),
    Mutation(
        "superseded_though_claimed",
        _TABLE,
        "in unsent and _is_unsent(row)]",
        "in unsent]",
        "An update that a dispatcher is about to send is dropped without an outcome.",
        _TESTS,
        seeds=False,
    ),
    Mutation(
        "earlier_of_one_decision",
        _TABLE,
        'if _is_before(command.key, latest) else "ready"',
        'if not latest and _is_before(command.key, latest) else "ready"',
        "Of two updates in one transaction, the second is refused.",
        _TESTS,
    ),
    Mutation(
        "updates_go_first",
        _TABLE,
        "ORDER_OF_CLAIMS = (is_update(), ",
        "ORDER_OF_CLAIMS = (",
        "An invoice waits until thousands of customers are updated.",
        (_SLOTS,),
    ),
    Mutation(
        "updates_take_all_slots",
        _CANDIDATES,
        "updates[due.realm] <= UPDATES_AT_ONCE",
        "updates[due.realm] <= 8 * UPDATES_AT_ONCE",
        "An invoice waits behind eighty requests that update customers.",
        (_SLOTS,),
    ),
    Mutation(
        "its_own_name_is_taken",
        "worker/commands/namesakes.py",
        ' and row["Id"] != other_than',
        "",
        "A customer is shown as the holder of its own name.",
        _TESTS,
    ),
)
