"""The messages of a Connect configuration: their form, their signatures, and how they are sent again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract.contracts import ContractChanged
from tests.worker.sandbox.webhooks.line import ANNA, BEN, MONTH_SECONDS, URL, Line, Tried, waits
from worker.docusign.connect import parse, read_message
from worker.docusign.signatures import is_signed
from worker.sandbox.webhooks.mishaps import MishapPlan
from worker.sandbox.webhooks.subscriptions import ConnectSubscription

DAY = 24 * 3600.0
PLAIN = ConnectSubscription(URL)
SENT_ONLY = frozenset({"envelope-sent"})


def events(tries: list[Tried]) -> list[str]:
    return [tried.message["event"] for tried in tries]


def sent(**changes: Any) -> Line:
    """An envelope whose sending alone is told."""
    return Line(ConnectSubscription(URL, events=SENT_ONLY, **changes))


def test_a_message_has_docusigns_properties() -> None:
    line = Line(PLAIN)
    envelope = line.envelope(ANNA)
    line.wait(60)
    line.step(envelope, "decline", reason="Too dear")
    tries = line.wait(60)
    assert events(tries) == ["recipient-declined", "envelope-declined"]
    of_recipient, message = (tried.message for tried in tries)
    assert of_recipient["data"]["recipientId"] == "1"
    data, summary = message["data"], message["data"]["envelopeSummary"]
    assert message["generatedDateTime"] == "2026-05-05T12:01:01.0000000Z"
    assert data.keys() == {"accountId", "userId", "envelopeId", "envelopeSummary"}
    assert (data["userId"], data["accountId"]) == (
        summary["sender"]["userId"],
        summary["sender"]["accountId"],
    )
    assert (summary["status"], summary["purgeState"]) == ("declined", "unpurged")
    declined_at = "2026-05-05T12:01:00.0000000Z"
    for name in ("declinedDateTime", "statusChangedDateTime", "lastModifiedDateTime"):
        assert summary[name] == declined_at
    [signer] = summary["recipients"]["signers"]
    assert (signer["status"], signer["declinedDateTime"], signer["declinedReason"]) == (
        "declined",
        declined_at,
        "Too dear",
    )
    assert [document["name"] for document in summary["envelopeDocuments"]] == ["MSA.pdf"]


def test_the_worker_reads_the_life_of_an_envelope_with_two_signers() -> None:
    line = Line(PLAIN)
    envelope = line.envelope(ANNA, BEN, deal_id="D-7")
    for _ in range(2):
        line.wait(60)
        line.step(envelope, "complete")
    line.wait(60)
    told = [
        read_message(tried.delivery.body, workspace="acme")
        for tried in line.tries
        if parse(tried.delivery.body).is_needed
    ]
    assert [event.type.split(".")[-2] for event in told] == ["sent", "delivered", "signed"]
    contracts = [event.payload for event in told if isinstance(event.payload, ContractChanged)]
    assert {(contract.contract_id, contract.deal_id) for contract in contracts} == {(envelope, "D-7")}


@pytest.mark.parametrize("part", ["custom_fields", "documents", "recipients"])
def test_envelope_data_is_included_in_parts(part: str) -> None:
    whole, partial = sent(), sent(**{part: False})
    keys = []
    for line in (whole, partial):
        line.envelope()
        [tried] = line.wait(60)
        keys.append(tried.message["data"]["envelopeSummary"].keys())
    missing = {"custom_fields": "customFields", "documents": "envelopeDocuments", "recipients": "recipients"}
    assert keys[0] - keys[1] == {missing[part]}


def test_without_envelope_data_a_message_has_ids_alone() -> None:
    line = sent(envelope_data=False)
    line.envelope()
    [tried] = line.wait(60)
    assert tried.message["data"].keys() == {"accountId", "userId", "envelopeId"}


def test_each_try_is_signed_with_the_keys_of_that_moment_and_counts_the_earlier_ones() -> None:
    line = sent(retries="exponential")
    line.answer(500, 500)
    line.envelope()
    line.wait(1)
    old = line.keys.active
    line.keys.switch(1, active=False)
    line.keys.switch(2, active=False)
    line.keys.make()
    line.wait()
    first, second, third = line.tries
    assert [tried.message["retryCount"] for tried in line.tries] == [0, 1, 2]
    assert is_signed(first.delivery.headers.items(), first.delivery.body, old)
    assert len([name for name in first.delivery.headers if name.startswith("X-DocuSign-Signature-")]) == 2
    for tried in (second, third):
        assert is_signed(tried.delivery.headers.items(), tried.delivery.body, line.keys.active)
        assert not is_signed(tried.delivery.headers.items(), tried.delivery.body, old)
    assert first.message["configurationId"] == third.message["configurationId"]


def test_a_failed_message_waits_for_the_acknowledgement_of_another() -> None:
    line = sent()
    line.answer(500)
    first = line.envelope()
    assert len(line.wait()) == 1, "without one it is never sent again"
    second = line.envelope()
    tries = line.wait()
    assert [tried.message["data"]["envelopeId"] for tried in tries] == [second, first]


def test_a_message_that_failed_twice_also_waits_a_day() -> None:
    line = sent()
    line.answer(500, 200, 500)
    line.envelope()
    line.wait(60)
    line.envelope()
    line.wait(60)
    line.envelope()
    tries = line.wait()
    assert waits([line.tries[2], tries[-1]]) == [DAY]
    assert [tried.status for tried in line.tries] == [500, 200, 500, 200, 200]


def test_docusign_gives_up_after_ten_retries() -> None:
    line = sent()
    line.answer(500, *[200, 500] * 20)
    line.envelope()
    for _ in range(20):
        line.wait(2 * DAY)
        line.envelope()
    line.wait()
    failed = [tried for tried in line.tries if tried.status == 500]
    assert len([tried for tried in failed if tried.delivery.number == 1]) == 11
    [given_up] = [entry for entry in line.deliveries.shown(1)["log"] if entry["state"] == "given_up"]
    assert (given_up["number"], given_up["tries"]) == (1, 11)


def test_the_exponential_schedule_doubles_and_ends_after_a_week() -> None:
    line = sent(retries="exponential")
    line.answer(*[None] * 100)
    line.envelope()
    between = waits(line.wait())
    assert between[:5] == [15, 30, 60, 120, 240]
    assert max(between) == 15 * 2**10
    assert len(between) == 44
    assert sum(between) <= 7 * DAY


def test_without_required_acknowledgement_each_message_is_sent_once() -> None:
    line = sent(requires_acknowledgement=False)
    line.answer(500)
    line.envelope()
    assert len(line.wait()) == 1
    assert line.deliveries.shown(1)["log"][0]["state"] == "given_up"


@pytest.mark.parametrize("form", ["aggregate", "xml"])
def test_the_whole_envelope_form_shows_the_last_of_several_states(form: Any) -> None:
    line = Line(ConnectSubscription(URL, form=form, delay_seconds=60))
    envelope = line.envelope()
    line.step(envelope, "complete")
    [tried] = line.wait()
    assert b"ompleted" in tried.delivery.body
    kind = "text/xml; charset=utf-8" if form == "xml" else "application/json"
    assert tried.delivery.headers["content-type"] == kind


@given(
    st.lists(st.sampled_from([None, 200, 500]), max_size=20),
    st.sampled_from(["documented", "exponential"]),
    st.integers(1, 15),
)
def test_no_message_holds_another_and_none_is_sent_after_its_acknowledgement(
    answers: list[int | None], retries: Any, envelopes: int
) -> None:
    line = sent(retries=retries, delay_seconds=0)
    line.answer(*answers)
    for _ in range(envelopes):
        line.envelope()
    line.wait(0)
    assert {tried.delivery.number for tried in line.tries} == set(range(1, envelopes + 1))
    line.wait(MONTH_SECONDS)
    line.answer()
    line.envelope()
    line.wait(MONTH_SECONDS)
    for number in range(1, envelopes + 2):
        [*earlier, last] = [tried.status for tried in line.tries if tried.delivery.number == number]
        assert last == 200, "the next acknowledgement releases all"
        assert 200 not in earlier


def test_mishaps_of_messages() -> None:
    plan = MishapPlan(script=("lost", "late", "duplicated"), late_seconds=300)
    line = sent(mishaps=plan)
    lost, late, twice = (line.envelope() for _ in range(3))
    told = [tried.message["data"]["envelopeId"] for tried in line.wait()]
    assert told == [twice, twice, late]
    assert lost not in told
