"""Every type of event can be written and read back; an unknown type is refused by name."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract import catalog, quickbooks
from events.contract.catalog import TYPES, EventType
from events.contract.envelope import Event, own_event, partition_key
from events.database.port import Database
from events.errors import UnreadableEvent
from events.log import log
from tests.events.facts import facts
from tests.events.samples import NOW, refusal, whole_log

LONGEST = "x" * 128
EACH_TYPE = pytest.mark.parametrize("known", TYPES.values(), ids=TYPES)


def own(known: EventType, fact: Any, number: int = 1) -> Event:
    return own_event(known.name, fact, workspace="acme", source="test", time=NOW, id=str(number))


@EACH_TYPE
@settings(max_examples=5)
@given(data=st.data())
def test_any_data_of_a_type_is_read_back_unchanged(known: EventType, data: st.DataObject) -> None:
    fact = data.draw(facts(known.payload))
    event = own(known, fact)
    assert event.payload == fact
    assert type(event.payload) is known.payload
    kind, _, of = event.stream.partition("/")
    of_all = {"access", "quickbooks", "workspace", "clock", "docusign", "dead-letters"}
    assert kind in {"deal", "account", "product", *catalog.KINDS.values(), *of_all}
    assert event.subject == (of or kind)
    assert event.extensions["partitionkey"] == partition_key(event) == key_of(event)


def key_of(event: Event) -> str:
    """The types, directions and keys of the documented interfaces."""
    fact = event.payload
    if event.topic == catalog.REVENUE:
        return f"{fact.realm}/{fact.invoice_id}"
    if event.topic == catalog.CHANGES:
        return f"acme/{fact.entity}/{fact.entity_id}"
    return f"acme/{event.subject}"


@given(st.data())
@settings(max_examples=10)
def test_a_command_has_the_stream_of_its_object(data: st.DataObject) -> None:
    rejected = data.draw(facts(TYPES[catalog.COMMAND_REJECTED].payload))
    event = own(TYPES[catalog.COMMAND_REJECTED], rejected)
    assert event.stream == rejected.subject == f"{event.stream.partition('/')[0]}/{event.subject}"


@pytest.mark.parametrize("subject", [f"deal/{LONGEST}", f"customer/{LONGEST}/{LONGEST}"])
def test_the_longest_identifiers_fit_into_a_subject(subject: str) -> None:
    uncertain = quickbooks.CommandUncertain(subject, "create_invoice", 0, 1, "46", "r", "no answer")
    event = own(TYPES[catalog.COMMAND_UNCERTAIN], uncertain)
    assert catalog.payload(event.type, event.data) == uncertain


async def test_every_type_goes_through_the_log(database: Database) -> None:
    events: list[Event] = []

    @settings(max_examples=1, database=None)
    @given(st.tuples(*(facts(known.payload) for known in TYPES.values())))
    def make(made: tuple[Any, ...]) -> None:
        events[:] = [
            own(known, fact, n) for n, (known, fact) in enumerate(zip(TYPES.values(), made, strict=True))
        ]

    make()
    await database.transaction(log.append_own, events, NOW)
    recorded = await database.read(whole_log)
    assert [r.event for r in recorded] == events
    assert [r.event.payload for r in recorded] == [event.payload for event in events]


def test_a_type_has_a_topic_exactly_where_it_travels() -> None:
    for known in TYPES.values():
        assert (
            known.topic
            in {"in": catalog.TOPICS_IN, "out": catalog.TOPICS_OUT, "own": (None,)}[known.direction]
        )
        assert known.name.startswith(catalog.PREFIX)
        assert known.name.rpartition(".v")[2].isdigit()


def test_the_names_that_others_rely_on() -> None:
    promised = {
        "deal.updated.v1": "crm.deals.v1",
        "account.updated.v1": "crm.accounts.v1",
        "contract.sent.v1": "docusign.contracts.v1",
        "contract.delivered.v1": "docusign.contracts.v1",
        "contract.signed.v1": "docusign.contracts.v1",
        "contract.declined.v1": "docusign.contracts.v1",
        "contract.voided.v1": "docusign.contracts.v1",
        "quickbooks.changed.v1": "quickbooks.changes.v1",
        "deal.closed-won.v1": "crm.deal-updates.v1",
        "deal.invoiced.v1": "crm.deal-updates.v1",
        "deal.invoice-held.v1": "crm.deal-updates.v1",
        "account.customer-linked.v1": "crm.account-updates.v1",
        "invoice.state.v1": "reporting.revenue.v1",
    }
    found = {name.removeprefix("com.coeffection."): known.topic for name, known in TYPES.items()}
    assert promised.items() <= found.items()


@EACH_TYPE
def test_producers_may_send_only_their_own_types(known: EventType) -> None:
    refused = refusal(catalog.arriving, known.name)
    if known.direction == "in":
        assert refused is None
        assert catalog.arriving(known.name) is known
    else:
        assert refused is not None
        assert (refused.reason, refused.field) == ("type_not_accepted", "type")


@pytest.mark.parametrize(
    ("name", "reason", "says"),
    [
        ("com.coeffection.deal.updated.v2", "version_unknown", "supported: com.coeffection.deal.updated.v1"),
        ("com.coeffection.deal.updated.v", "version_unknown", "deal.updated.v1"),
        ("com.coeffection.deal.updated.v1 ", "version_unknown", "deal.updated.v1"),
        ("com.coeffection.deal.updated", "type_unknown", "'com.coeffection.deal.updated'"),
        ("com.coeffection.Deal.updated.v1", "type_unknown", "Deal"),
        ("com.example.deal.updated.v1", "type_unknown", "com.example"),
        ("", "type_unknown", "''"),
        (".v1", "type_unknown", "'.v1'"),
        (".v", "type_unknown", "'.v'"),
        ("x" * 10_000, "type_unknown", "xxx"),
    ],
)
def test_an_unknown_type_is_refused_with_the_known_versions(name: str, reason: str, says: str) -> None:
    refused = refusal(catalog.arriving, name)
    assert refused is not None
    assert (refused.reason, refused.field) == (reason, "type")
    assert says in refused.detail
    assert len(refused.detail) < 300


@given(
    st.text(max_size=30)
    | st.sampled_from(sorted(TYPES)).flatmap(lambda name: st.text(max_size=2).map(name.__add__))
)
def test_any_name_is_known_or_refused(name: str) -> None:
    refused = refusal(catalog.arriving, name)
    assert (refused is None) == (name in TYPES and TYPES[name].direction == "in")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("com.coeffection.deal.updated.v9", "{}"),
        ("", "{}"),
        (catalog.ACCOUNT_UPDATED, "{}"),
        (catalog.ACCOUNT_UPDATED, "null"),
        (catalog.ACCOUNT_UPDATED, '{"account_id":"A-1","revision":-1,"name":"Acme"}'),
        (catalog.ACCOUNT_UPDATED, '{"account_id":"A-1"'),
        (catalog.ACCOUNT_UPDATED, ""),
    ],
)
def test_an_unreadable_event_in_the_log_stops_the_reader(name: str, data: str) -> None:
    with pytest.raises(UnreadableEvent, match="The log holds an event of type"):
        catalog.payload(name, data)


def test_fields_that_a_later_version_added_do_not_stop_the_reader() -> None:
    later = '{"account_id":"A-1","revision":1,"name":"Acme","later":{"than":[1e999]}}'
    assert catalog.payload(catalog.ACCOUNT_UPDATED, later).name == "Acme"
