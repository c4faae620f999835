"""Events as the CRM and DocuSign send them, valid unless a test changes them."""

from typing import Any

LINE: dict[str, Any] = {
    "line_id": "1",
    "product_id": "P-1",
    "sku": "SEAT",
    "name": "Platform seat",
    "quantity": "12",
    "unit_price": "49.995",
}
QUOTE: dict[str, Any] = {
    "quote_id": "Q-1",
    "revision": 1,
    "tax_mode": "exclusive",
    "lines": [LINE],
    "total": "599.94",
}


def cloudevent(kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return an event in structured form; its identity follows from its content."""
    subject = data.get("deal_id") or data.get("account_id")
    version = data.get("revision", data.get("contract_id"))
    return {
        "specversion": "1.0",
        "id": f"{kind}-{subject}-{version}",
        "source": "https://crm.example",
        "type": f"com.coeffection.{kind}.v1",
        "subject": subject,
        "time": "2026-05-01T00:00:00Z",
        "data": data,
        **attributes,
    }


def account(account_id: str = "A-1", **fields: Any) -> dict[str, Any]:
    """Return a snapshot of an account."""
    data = {"account_id": account_id, "revision": 1, "name": f"Acme {account_id}", **fields}
    return cloudevent("account.updated", data)


def deal(deal_id: str = "D-1", time: str = "2026-05-01T00:00:00Z", **fields: Any) -> dict[str, Any]:
    """Return a snapshot of a deal whose contract was sent."""
    data = {
        "deal_id": deal_id,
        "revision": 1,
        "account_id": "A-1",
        "name": "Acme renewal",
        "stage": "contract_sent",
        "currency": "USD",
        "quote": QUOTE,
        **fields,
    }
    return cloudevent(
        "deal.updated", {key: value for key, value in data.items() if value is not None}, time=time
    )


def contract(
    status: str,
    deal_id: str = "D-1",
    contract_id: str = "C-1",
    at: str = "2026-05-02T00:00:00Z",
    **fields: Any,
) -> dict[str, Any]:
    """Return an event of a contract."""
    data = {"contract_id": contract_id, "deal_id": deal_id, "at": at, **fields}
    return cloudevent(f"contract.{status}", data, source="urn:docusign:test")


def signed_deal(deal_id: str = "D-1", **fields: Any) -> list[dict[str, Any]]:
    """Return the events of a deal and its contract, sent and signed."""
    return [
        deal(deal_id, **fields),
        contract("sent", deal_id, f"C-{deal_id}"),
        contract("signed", deal_id, f"C-{deal_id}", at="2026-05-03T00:00:00Z"),
    ]


def deals(*numbers: int) -> list[dict[str, Any]]:
    """Return snapshots of deals `D-0`, `D-1`, …"""
    return [deal(f"D-{number}") for number in numbers]


def ids(*numbers: int) -> list[str]:
    """Return the event IDs of those snapshots."""
    return [snapshot["id"] for snapshot in deals(*numbers)]
