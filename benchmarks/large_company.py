"""A QuickBooks company with a hundred thousand customers and nothing else, as answers to the requests of a first read.

Answers cost nearly nothing, so that they take no time from the measured process.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

CUSTOMERS = 100_000
REALMS = "93"  # how the realms of such companies begin
_OF_REALM = re.compile(rf"/company/{REALMS}\d+/([^/?]+)")
_PAGE = re.compile(r"SELECT \* FROM Customer .*STARTPOSITION (\d+) MAXRESULTS (\d+)")
_COUNT = re.compile(r"SELECT COUNT\(\*\) FROM Customer\b")
_CHANGED_AT = "2026-01-05T08:30:00-08:00"


def answer(target: str, body: bytes) -> bytes | None:
    """Return the answer to a request to such a company; None for one to another company."""
    found = _OF_REALM.search(target)
    if found is None:
        return None
    resource = found[1]
    if resource == "query":
        statement = parse_qs(urlsplit(target).query).get("query", [body.decode()])[0]
        said: dict[str, Any] = {"QueryResponse": _rows(statement)}
    elif resource == "batch":
        asked = json.loads(body)["BatchItemRequest"]
        items = [{"bId": each["bId"], "QueryResponse": _rows(each["Query"])} for each in asked]
        said = {"BatchItemResponse": items}
    elif resource == "cdc":
        said = {"CDCResponse": [{"QueryResponse": [{}]}]}
    elif resource == "companyinfo":
        said = {"CompanyInfo": {"CompanyName": "Large, Inc.", "Country": "US", "Id": "1"}}
    else:
        said = {"Preferences": {"CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}}}
    return json.dumps({**said, "time": datetime.now(UTC).isoformat()}).encode()


def _rows(statement: str) -> dict[str, Any]:
    if _COUNT.match(statement):
        return {"totalCount": CUSTOMERS}
    page = _PAGE.match(statement)
    if page is None:
        return {"totalCount": 0} if "COUNT" in statement else {}
    start, most = int(page[1]), int(page[2])
    rows = [_customer(number) for number in range(start, min(start + most, CUSTOMERS + 1))]
    return {"Customer": rows, "startPosition": start, "maxResults": len(rows)}


def _customer(number: int) -> dict[str, Any]:
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": str(number),
        "SyncToken": "0",
        "MetaData": {"CreateTime": _CHANGED_AT, "LastUpdatedTime": _CHANGED_AT},
        "DisplayName": f"Customer {number}",
        "FullyQualifiedName": f"Customer {number}",
        "CompanyName": f"Customer {number} Ltd",
        "PrintOnCheckName": f"Customer {number} Ltd",
        "PrimaryEmailAddr": {"Address": f"ap@customer-{number}.example"},
        "PrimaryPhone": {"FreeFormNumber": "(555) 010-0000"},
        "BillAddr": {
            "Id": str(number),
            "Line1": "1 Main Street",
            "City": "Springfield",
            "PostalCode": "12345",
        },
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        "Active": True,
        "Taxable": True,
        "Balance": 0,
        "BalanceWithJobs": 0,
        "PreferredDeliveryMethod": "Email",
    }
