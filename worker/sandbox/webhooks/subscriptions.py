"""The subscriptions to the sandbox's messages: an app's webhook settings at Intuit, and DocuSign's Connect configurations."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from worker.sandbox.webhooks.envelope import Form
from worker.sandbox.webhooks.mishaps import MishapPlan, Seconds
from worker.sandbox.webhooks.quickbooks import ANNOUNCED
from worker.sandbox.webhooks.receivers import Url
from worker.sandbox.webhooks.retries import ConnectSchedule

# Intuit names 3 s. DocuSign advises 5 s.
QUICKBOOKS_ANSWER_SECONDS = 3.0
CONNECT_ANSWER_SECONDS = 5.0
OK = 200
SUCCESSES = range(200, 300)

AnswerSeconds = Annotated[float, Meta(gt=0, le=300)]
Acknowledgement = Literal["200", "2xx"]


class QuickBooksSubscription(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="quickbooks"
):
    """The webhook settings of the app.

    Attributes:
        url: The receiver's address.
        form: The form of the messages; Intuit replaces the classic one by CloudEvents.
        entities: The entities that are announced; by default all that QuickBooks can announce.
        delay_seconds: The time from a change to its announcement, up to five minutes at Intuit.
        per_delivery_max: The most changes in one message; 1 announces each by itself.
        answer_seconds: The time that the receiver has to answer.
        acknowledged_by: The statuses that acknowledge a message. Intuit's documentation names 200.
        merge_names_deleted: Whether the classic form names the deleted object of a merge. It is unsure whether Intuit does.
        mishaps: The mishaps of its announcements.
    """

    url: Url
    form: Literal["cloud_events", "classic"] = "cloud_events"
    entities: frozenset[str] | None = None
    delay_seconds: Seconds = 1
    per_delivery_max: Annotated[int, Meta(ge=1, le=10_000)] = 100
    answer_seconds: AnswerSeconds = QUICKBOOKS_ANSWER_SECONDS
    acknowledged_by: Acknowledgement = "200"
    merge_names_deleted: bool = False
    mishaps: MishapPlan = MishapPlan()

    def __post_init__(self) -> None:
        if unknown := sorted((self.entities or frozenset()) - ANNOUNCED):
            raise ValueError(f"QuickBooks announces no {unknown[0]}")


class ConnectSubscription(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="docusign"):
    """A Connect configuration.

    Attributes:
        url: The receiver's address.
        form: The form of the messages.
        events: The names of its events; by default all. Only JSON SIM has others than those of an envelope's status.
        envelope_data: Whether it includes the envelope's data.
        custom_fields: Whether that has the custom fields.
        documents: Whether that has the documents.
        recipients: Whether that has the recipients.
        requires_acknowledgement: Whether unacknowledged messages are sent again.
        retries: When they are; it is unsure which schedule DocuSign follows.
        delay_seconds: The time from an event to its message.
        answer_seconds: The time that the receiver has to answer.
        acknowledged_by: The statuses that acknowledge a message.
        mishaps: The mishaps of its messages.
    """

    url: Url
    form: Form = "sim"
    events: frozenset[str] | None = None
    envelope_data: bool = True
    custom_fields: bool = True
    documents: bool = True
    recipients: bool = True
    requires_acknowledgement: bool = True
    retries: ConnectSchedule = "documented"
    delay_seconds: Seconds = 1
    answer_seconds: AnswerSeconds = CONNECT_ANSWER_SECONDS
    acknowledged_by: Acknowledgement = "200"
    mishaps: MishapPlan = MishapPlan()


AnySubscription = QuickBooksSubscription | ConnectSubscription


def acknowledges(subscription: AnySubscription, status: int | None) -> bool:
    """Return whether an answer acknowledges a message; None is no answer in time."""
    return status == OK if subscription.acknowledged_by == "200" else status in SUCCESSES
