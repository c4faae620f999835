"""Transactions to send to a sandbox, and what it says of them."""

from typing import Any

from tests.worker.sandbox.app import App, decoded

Fields = dict[str, Any]


def account(app: App, subtype: str) -> Fields:
    return {"value": app.company.account(subtype)["Id"]}


def paid(target: str, amount: object, kind: str = "Invoice") -> Fields:
    """Write a line of a payment or a deposit."""
    return {"Amount": amount, "LinkedTxn": [{"TxnId": target, "TxnType": kind}]}


def payment(total: object, *lines: Fields, **fields: object) -> Fields:
    return {"CustomerRef": {"value": "1"}, "TotalAmt": total, "Line": list(lines), **fields}


def entry(side: str, amount: object, account: Fields, customer: str | None = None) -> Fields:
    """Write a line of a journal entry."""
    detail: Fields = {"PostingType": side, "AccountRef": account}
    if customer is not None:
        detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": customer}}
    return {"DetailType": "JournalEntryLineDetail", "Amount": amount, "JournalEntryLineDetail": detail}


def read(app: App, entity: str, identifier: str) -> Fields:
    found: Fields = decoded(app.call("GET", f"{entity.lower()}/{identifier}"))[entity]
    return found


def balances(app: App, *invoices: str) -> list[object]:
    return [read(app, "Invoice", each)["Balance"] for each in invoices]


def now(made: Fields, **fields: object) -> Fields:
    """Write a sparse update of an object."""
    return {"Id": made["Id"], "SyncToken": made["SyncToken"], "sparse": True, **fields}
