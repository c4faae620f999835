"""Every kind of command has a record, and its event has the command's subject."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from events.contract import catalog
from events.contract.envelope import Event
from events.contract.quickbooks import CommandKind
from tests.fakes import FakeClock
from tests.worker.commands.given import claimed_of
from worker.commands import outcomes, readings
from worker.commands.claimed import Claimed
from worker.commands.identity import CommandKey
from worker.commands.kinds.all import CREATES, KINDS, READINGS, UPDATES
from worker.commands.kinds.kind import Kind, Write

NOW = datetime(2026, 5, 5, tzinfo=UTC)
ENTITY: dict[str, Any] = {
    "Id": "7",
    "Name": "Seat",
    "Type": "Service",
    "DisplayName": "Acme",
    "TotalAmt": "0",
    "TxnDate": "2026-05-05",
    "CustomerRef": {"value": "1"},
    "CurrencyRef": {"value": "USD"},
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


class Answering:
    """A client of a QuickBooks in which every object exists."""

    async def read(self, *_: str) -> dict[str, Any]:
        return ENTITY

    async def company_info(self, _: str) -> dict[str, Any]:
        return {"CompanyName": "Acme"}

    async def preferences(self, _: str) -> dict[str, Any]:
        return {}

    async def query_pages(self, *_: object) -> Any:
        yield [ENTITY]


def command(kind: Kind) -> Claimed:
    subjects = {"workspace": "workspace", "customer": "customer/46/7", "item": "item/46/7"}
    subject = subjects.get(kind.stream) or kind.subject("X/1")
    key = CommandKey("acme", subject, kind.name, 0, 1)
    return msgspec.structs.replace(claimed_of("46", 1), key=key)


async def succeeded(kind: Kind) -> Event:
    if isinstance(kind, Write):
        return outcomes.succeeded(command(kind), ENTITY, NOW, adopted=False)
    return await readings.read(Answering(), command(kind), FakeClock())  # type: ignore[arg-type] # all that it needs


def test_every_kind_has_its_record() -> None:
    assert tuple(kind.name for kind in KINDS) == get_args(CommandKind)
    assert {kind.name: kind for kind in KINDS} == {**CREATES, **UPDATES, **READINGS}


@EACH_KIND
async def test_the_event_of_a_kind_is_of_its_commands_subject(kind: Kind) -> None:
    event = await succeeded(kind)
    assert (event.type, event.stream) == (kind.event, command(kind).key.subject)
    assert type(event.payload) is catalog.TYPES[kind.event].payload


@EACH_KIND
def test_a_refusal_is_of_its_commands_subject(kind: Kind) -> None:
    refused = outcomes.rejected(command(kind), NOW, gate="rejected_by_quickbooks", message="no")
    assert refused.stream == command(kind).key.subject
