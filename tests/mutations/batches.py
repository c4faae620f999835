"""Mutations of batches: which deals wait for one, and what a tick sends."""

from tests.mutations.mutation import Mutation

_BATCH = "worker/quote_to_cash/invoice/batch.py"
_SCHEDULER = "worker/roles/schedule.py"
_TESTS = ("tests/worker/quote_to_cash/test_batches.py", "tests/worker/roles/test_sync_due.py")

MUTATIONS = (
    Mutation(
        "by_hand_waits",
        _BATCH,
        "if due is None or _is_by_hand(inquiry):",
        "if due is None:",
        "An invoice that a person requested waits for the next batch.",
        _TESTS,
    ),
    Mutation(
        "any_event_is_a_batch",
        _BATCH,
        "return inquiry.in_batch or Unmet(waited_for)",
        "return True",
        "While a batch is sent in portions, other events cause its invoices.",
        _TESTS,
    ),
    Mutation(
        "batch_takes_all",
        _BATCH,
        'has_begun = datetime.fromisoformat(waited_for["at"]) <= since',
        "has_begun = inquiry.in_batch",
        "A deal that became ready after the batch was due is sent with it.",
        _TESTS,
    ),
    Mutation(
        "missed_by_a_change",
        _SCHEDULER,
        "if due is not None and (due > since or too_early):",
        "if due is not None:",
        "A frequency that is chosen in the afternoon sends everything at once, as last night's batch.",
        _TESTS,
    ),
    Mutation(
        "batches_stop",
        _SCHEDULER,
        "too_early = since > latest_end(timedelta(0), now)",
        "too_early = False",
        "After a clock was ahead by a month, no batch is sent for a month.",
        _TESTS,
    ),
)
