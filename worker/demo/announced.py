"""Compare the announcements about a deal to the CRM and reporting with its story."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.log.tables import log
from worker.demo.doors import life
from worker.demo.expected import CompanyBooks, Entity, net
from worker.demo.story import Tale

CRM, REPORTING = "crm.deal-updates.v1", "reporting.revenue.v1"
LINK = "https://qbo.intuit.com/app/invoice?txnId={}&companyId={}"
# The stories use no currencies without cents.
_MONEY = re.compile(r"-?[0-9]+\.[0-9]{2}")
_ABOUT_DEALS = (
    catalog.DEAL_CLOSED_WON,
    catalog.DEAL_INVOICED,
    catalog.DEAL_INVOICE_HELD,
    catalog.INVOICE_STATE,
)


class Announcement(Struct, frozen=True):
    """An outgoing event about a deal."""

    type: str
    topic: str | None
    data: dict[str, Any]


def read(connection: sa.Connection, workspace: str) -> dict[str, list[Announcement]]:
    """Return the announcements to a workspace's CRM and reporting, by deal and in order."""
    found: dict[str, list[Announcement]] = {}
    rows = connection.execute(
        sa.select(log.c.type, log.c.topic, log.c.data)
        .where(log.c.workspace == workspace, log.c.type.in_(_ABOUT_DEALS))
        .order_by(log.c.position)
    )
    for kind, topic, data in rows:
        content = msgspec.json.decode(data)
        found.setdefault(content["deal_id"], []).append(Announcement(kind, topic, content))
    return found


def problems(
    tale: Tale, company: CompanyBooks, invoice: Entity | None, announced: Sequence[Announcement]
) -> Iterator[str]:
    """Yield the wrong and missing announcements about a deal."""
    for kind, topic in (
        (catalog.DEAL_CLOSED_WON, CRM),
        (catalog.DEAL_INVOICED, CRM),
        (catalog.DEAL_INVOICE_HELD, CRM),
        (catalog.INVOICE_STATE, REPORTING),
    ):
        yield from (
            f"{kind} goes to {said.topic}" for said in announced if said.type == kind != said.topic != topic
        )
    yield from _won(tale, _of(announced, catalog.DEAL_CLOSED_WON))
    invoiced, state = _of(announced, catalog.DEAL_INVOICED), _of(announced, catalog.INVOICE_STATE)
    once = 0 if invoice is None else 1
    if (len(invoiced), len(state)) != (once, once):
        yield f"{len(invoiced)} invoices are announced to the CRM, {len(state)} to reporting"
    elif invoice is not None:
        yield from _differ("the CRM", invoiced[0], _for_the_crm(invoice, company))
        yield from _differ("reporting", state[0], _for_reporting(tale, invoice, company))
        later = announced[[said.type for said in announced].index(catalog.DEAL_INVOICED) :]
        if _of(later, catalog.DEAL_INVOICE_HELD):
            yield "it is announced as held after it was announced as invoiced"
    if invoice is None:
        yield from _held(tale, _of(announced, catalog.DEAL_INVOICE_HELD))


def _of(announced: Sequence[Announcement], kind: str) -> list[dict[str, Any]]:
    return [said.data for said in announced if said.type == kind]


def _won(tale: Tale, announced: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Check that a deal won by a contract is announced as won once, unless the CRM lost it."""
    signed = [contract for contract, status in life(tale) if status == "completed"]
    wanted = 0 if tale.twist == "closed_lost" else min(len(signed), 1)
    # A deal may be announced as won before the CRM's loss of it arrives.
    if len(announced) > max(wanted, len(signed[:1])) or len(announced) < wanted:
        yield f"it is announced as won {len(announced)} times instead of {wanted}"
    for said in announced:
        at = said["at"].replace("Z", "+00:00")
        if not any(
            said["contract_id"] == contract.envelope_id and at == contract.ended_at.isoformat()
            for contract in signed
        ):
            yield f"it is announced as won by contract {said['contract_id']} at {at}"


def _held(tale: Tale, announced: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Check that only deals that were won, declined or voided are announced as held, with the reason."""
    ended = any(status not in {"sent", "delivered"} for _, status in life(tale))
    ended = ended or any(snapshot["stage"] == "closed_won" for snapshot in tale.snapshots)
    if bool(announced) != ended:
        yield f"it is announced as held {len(announced)} times, but {'was' if ended else 'was not'} won or ended"
    elif announced and (first := announced[-1]["gates"][0])["gate"] not in tale.gates:
        yield f"it is announced as held at {first['gate']}, not at {' or '.join(tale.gates)}"
    for gate in announced[-1]["gates"] if announced else ():
        if not gate["reason"] or not gate["remedy"]:
            yield f"the announced gate {gate['gate']} has no reason or remedy: {gate}"


def _for_the_crm(invoice: Entity, company: CompanyBooks) -> dict[str, Any]:
    return {
        "part": 0,
        "realm": company.realm,
        "invoice_id": invoice["Id"],
        "doc_number": invoice["DocNumber"],
        "currency": invoice["CurrencyRef"]["value"],
        "net": net(invoice),
        "tax": Decimal(str(invoice["TotalAmt"])) - net(invoice),
        "total": Decimal(str(invoice["TotalAmt"])),
        "due_date": invoice["DueDate"],
        "link": LINK.format(invoice["Id"], company.realm),
    }


def _for_reporting(tale: Tale, invoice: Entity, company: CompanyBooks) -> dict[str, Any]:
    known = _for_the_crm(invoice, company)
    known.pop("link")
    return {
        **known,
        "deal_id": tale.deal_id,
        "account_id": tale.account_id,
        "customer_id": invoice["CustomerRef"]["value"],
        "balance": known["total"],
        "status": "outstanding" if known["total"] else "paid",
        "txn_date": invoice["TxnDate"],
    }


def _differ(receiver: str, said: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        found = said.get(name)
        if isinstance(value, Decimal):
            if not _MONEY.fullmatch(str(found)) or Decimal(str(found)) != value:
                yield f"{receiver} gets {name} {found}, not {value}"
        elif found != value:
            yield f"{receiver} gets {name} {found}, not {value}"
