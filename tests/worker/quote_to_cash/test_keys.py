"""A deal is reconsidered when a key changes that its gates depend on, and for no other."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from events.contract import catalog
from events.contract.administration import SyncDue
from events.contract.catalog import SYNC_CLOCK
from events.contract.matching import Verdict
from tests import stories
from tests.worker.quote_to_cash.given import (
    NOW,
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_seen,
    customer_unmatched,
    disconnected,
    expired,
    fact,
    first_sync,
    first_synced,
    given,
    ignored,
    ignored_product,
    item_asked,
    item_seen,
    item_suggested,
    mapped,
    mapped_product,
    merged,
    observed,
    ordered,
    ready,
    rejected_item,
    rejected_pair,
    suggested,
    unignored,
    unignored_product,
    unmatched,
)
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.keys import BEING_READ, COMPANY, HOLDING_UP, of_setting
from worker.quote_to_cash.walk import unmet_and_keys
from worker.workspaces.settings import Settings

SIGNED = stories.signed_deal()
CHANGES: dict[str, tuple[str, ...]] = {
    "auto_invoice": ("true", "false"),
    "cut_over": ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", ""),
    "invoice_requires_signature": ("true", "false"),
    "time_zone": ("Europe/London", ""),
    "terms": ("Net 30", "none such", ""),
    "memo": ("Thanks", ""),
    "income_account": ("Services", "none such", ""),
    "paused": ("true", "false"),
    "customer_sync": ("to_quickbooks", "both", "off"),
    "unmapped_customer": ("create_in_crm", ""),
    "unmapped_account": ("create_on_invoice", "create_at_once", ""),
    "unmapped_product": ("default 5", "default 6", "create", ""),
    "sync_frequency": ("hourly", "daily 02:30", ""),
}
ONCE = st.integers(1, 9)
VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["link", "review", "none"])
HAPPENING = st.one_of(
    *(
        st.builds(lambda value, name=name: chosen(**{name: value}), st.sampled_from(values))
        for name, values in CHANGES.items()
    ),
    st.builds(connected),
    st.builds(lambda: connected(OTHER_REALM)),
    st.builds(expired),
    st.builds(disconnected),
    st.builds(observed),
    st.builds(lambda: observed(multicurrency=True)),
    st.builds(lambda: observed(time_zone=None)),
    st.builds(lambda: observed(terms=())),
    st.builds(lambda: observed(country="GB")),
    st.builds(stories.account),
    st.builds(
        lambda revision, realm: stories.account(
            revision=revision, customer={"realm": realm, "customer_id": "58"}
        ),
        ONCE,
        st.sampled_from([REALM, OTHER_REALM]),
    ),
    st.builds(lambda customer: mapped("A-2", customer), st.sampled_from(["58", "7"])),
    st.builds(lambda customer: mapped(customer=customer), st.sampled_from(["7", "8"])),
    st.sampled_from([chosen(auto_link="80"), chosen(auto_link="off")]),
    st.builds(lambda number, verdict: suggested(number=number, verdict=verdict), ONCE, VERDICTS),
    st.sampled_from([customer_unmatched(), customer_seen("58", active=False, sync_token=1)]),
    st.builds(lambda number: unmatched(number=number), st.integers(1, 3)),
    st.builds(lambda customer: rejected_pair(customer=customer), st.sampled_from(["58", "7"])),
    st.sampled_from([ignored(), unignored(), first_sync(), first_synced()]),
    st.builds(lambda item: mapped_product(item=item), st.sampled_from(["5", "6"])),
    st.builds(lambda number, verdict: item_suggested(number=number, verdict=verdict), ONCE, VERDICTS),
    st.sampled_from([rejected_item(), ignored_product(), unignored_product(), item_asked()]),
    st.builds(
        lambda customer, active: customer_seen(customer, active=active),
        st.sampled_from(["7", "8"]),
        st.booleans(),
    ),
    st.builds(
        lambda item, active: item_seen(item, active=active), st.sampled_from(["5", "6"]), st.booleans()
    ),
    st.builds(ordered),
    st.sampled_from([*merged("7", "8"), *merged("7", None), *merged("58", "7"), *merged("5", "6", "Item")]),
    st.builds(
        lambda frequency, hour: fact(catalog.SYNC_DUE, SyncDue(frequency, NOW + timedelta(hours=hour))),
        st.sampled_from(["hourly", "daily 02:30"]),
        st.integers(-3, 30),
    ),
    st.sampled_from(SIGNED),
    st.builds(
        lambda revision, stage: stories.deal(revision=revision, stage=stage),
        st.integers(1, 5),
        st.sampled_from(["contract_sent", "closed_won", "closed_lost"]),
    ),
)


@settings(max_examples=300, deadline=None)
@drawn(happening=st.lists(HAPPENING, min_size=1, max_size=12), before=st.booleans(), reads=st.booleans())
def test_nothing_recorded_of_a_deal_is_stale(happening: list[Any], *, before: bool, reads: bool) -> None:
    decider = Decider()
    decider.reads = decider.compares = reads
    decider.when(*(SIGNED if before else ()), *happening, *(() if before else SIGNED))


@pytest.mark.parametrize(
    ("happened", "keys"),
    [
        pytest.param(
            [],
            {
                of_setting("auto_invoice"),
                of_setting("unmapped_product"),
                BEING_READ,
                COMPANY,
                "account/A-1",
                "product/P-1",
            },
            id="nothing",
        ),
        pytest.param(
            [*ready(), chosen(auto_invoice="false")],
            {of_setting("auto_invoice")},
            id="switched off, else ready",
        ),
        pytest.param(
            [*ready(), chosen(paused="true")],
            {COMPANY, "account/A-1", "product/P-1", "customer/1111/7", "item/1111/5"}
            | {
                of_setting(name)
                for name in ("auto_invoice", "cut_over", "income_account", "terms", "time_zone", "paused")
            },
            id="the last gate but one",
        ),
        pytest.param(
            [*ready(), chosen(sync_frequency="hourly")],
            {COMPANY, SYNC_CLOCK, "account/A-1", "product/P-1", "customer/1111/7", "item/1111/5"}
            | {
                of_setting(name)
                for name in ("auto_invoice", "cut_over", "income_account", "terms", "time_zone", "paused")
            }
            | {of_setting("sync_frequency")},
            id="the batch",
        ),
    ],
)
def test_a_deal_waits_on_its_unmet_gates_and_on_those_before_the_first(
    happened: list[Any], keys: set[str]
) -> None:
    decider = given(*happened, *SIGNED)
    _, found = unmet_and_keys(Inquiry(decider.view, "D-1"))
    assert set(found) == keys


def test_a_change_of_another_setting_reconsiders_nothing() -> None:
    decider = given(*ready(), chosen(auto_invoice="false"), *SIGNED)
    for name in set(Settings.__struct_fields__) - {"auto_invoice", "income_account"}:
        assert decider.view.waiting(of_setting(name)) == [], name
    assert decider.view.waiting(of_setting("auto_invoice")) == ["deal/D-1"]


def test_a_command_is_held_up_by_the_keys_that_its_deal_waits_on() -> None:
    decider = given(*ready(), *SIGNED)
    for key in HOLDING_UP:
        assert decider.view.waiting(key) == ["deal/D-1"]
    _, found = unmet_and_keys(Inquiry(decider.view, "D-1"))
    assert set(found) <= set(HOLDING_UP)
