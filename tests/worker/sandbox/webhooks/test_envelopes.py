"""The life of an envelope: its steps, and the events that each of them causes."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.sandbox.webhooks.line import ANNA, BEN, URL, Line
from worker.sandbox.webhooks.envelope import Envelope
from worker.sandbox.webhooks.envelopes import (
    EXPIRED,
    EnvelopeWish,
    SignerWish,
    Step,
    StepRefused,
    StepWish,
)
from worker.sandbox.webhooks.subscriptions import ConnectSubscription

TOGETHER = SignerWish("Cleo", "cleo@signer.example", 1)
STEPS: tuple[Step, ...] = get_args(Step)


class Life:
    """The life of one envelope."""

    def __init__(self, *signers: SignerWish) -> None:
        self.line = Line(ConnectSubscription(URL))
        wish = EnvelopeWish("D-1", signers or (ANNA, BEN), status="created")
        self.id, self.created = self.line.envelopes.create(wish, self.line.now)

    @property
    def envelope(self) -> Envelope:
        return self.line.envelopes.all[self.id]

    def take(self, step: Step, recipient_id: str | None = None) -> list[str]:
        """Take a step; return its events, each with its recipient."""
        found = self.line.envelopes.take(self.id, step, StepWish(recipient_id, "So"), self.line.now)
        return [" ".join(filter(None, (event.name, event.recipient_id))) for event in found]


def test_the_signers_sign_one_after_another() -> None:
    life = Life(ANNA, BEN)
    assert [event.name for event in life.created] == ["envelope-created"]
    assert life.take("send") == ["envelope-sent", "recipient-sent 1"]
    assert life.take("deliver") == ["recipient-delivered 1"]
    assert life.take("complete") == ["recipient-completed 1", "recipient-sent 2"]
    assert life.take("complete") == [
        "recipient-delivered 2",
        "envelope-delivered",
        "recipient-completed 2",
        "envelope-completed",
    ]
    assert life.envelope.status == "completed"
    assert [signer.status for signer in life.envelope.signers] == ["completed", "completed"]


def test_signers_with_one_routing_order_sign_in_any_order() -> None:
    life = Life(ANNA, TOGETHER, BEN)
    assert life.take("send") == ["envelope-sent", "recipient-sent 1", "recipient-sent 2"]
    assert life.take("complete", "2") == ["recipient-delivered 2", "recipient-completed 2"]
    assert life.take("complete", "1") == [
        "recipient-delivered 1",
        "recipient-completed 1",
        "recipient-sent 3",
    ]


def test_a_signer_declines() -> None:
    life = Life()
    life.take("send")
    life.take("complete")
    assert life.take("decline") == ["recipient-declined 2", "envelope-declined"]
    assert (life.envelope.status, life.envelope.reason) == ("declined", "So")
    assert [signer.status for signer in life.envelope.signers] == ["completed", "declined"]


@pytest.mark.parametrize(("step", "reason"), [("void", "So"), ("expire", EXPIRED)])
def test_signers_keep_their_status_when_the_envelope_ends(step: Step, reason: str) -> None:
    life = Life()
    life.take("send")
    life.take("deliver")
    assert life.take(step) == ["envelope-voided"]
    assert (life.envelope.status, life.envelope.reason) == ("voided", reason)
    assert [signer.status for signer in life.envelope.signers] == ["delivered", "created"]


def test_a_signers_address_is_corrected_and_the_envelope_sent_again() -> None:
    life = Life()
    life.take("send")
    corrected = StepWish(recipient_id="2", email="ben@new.example")
    [event] = life.line.envelopes.take(life.id, "correct", corrected, life.line.now)
    assert event.name == "envelope-corrected"
    assert [signer.email for signer in event.envelope.signers] == ["anna@signer.example", "ben@new.example"]
    assert life.take("resend") == ["envelope-resent", "recipient-resent 1"]


@pytest.mark.parametrize(
    ("steps", "names"),
    [
        ([], ["envelope-discard"]),
        (["send"], ["envelope-voided", "envelope-deleted"]),
        (["send", "decline"], ["envelope-deleted"]),
    ],
)
def test_deleting_depends_on_the_status(steps: list[Step], names: list[str]) -> None:
    life = Life()
    for step in steps:
        life.take(step)
    assert life.take("delete") == names
    assert life.id not in life.line.envelopes.all


@given(st.lists(st.sampled_from([step for step in STEPS if step != "delete"]), max_size=12))
def test_an_envelope_that_has_ended_takes_no_step_and_no_refused_step_changes_it(steps: list[Step]) -> None:
    life = Life(ANNA, TOGETHER, BEN)
    for step in steps:
        before = life.envelope
        try:
            life.take(step)
        except StepRefused:
            assert life.envelope is before
        else:
            assert before.status not in {"completed", "declined", "voided"}
        signed = [signer.status == "completed" for signer in life.envelope.signers]
        assert all(signed) == (life.envelope.status == "completed")


def test_no_two_envelopes_have_one_id() -> None:
    line = Line()
    line.envelopes.create(EnvelopeWish("D-1", envelope_id="E-1"), line.now)
    with pytest.raises(StepRefused, match="E-1"):
        line.envelopes.create(EnvelopeWish("D-2", envelope_id="E-1"), line.now)
