"""The matcher on two files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from events.contract.quickbooks import NOT_FOR_SALE
from worker.cli import spreadsheets
from worker.cli.failing import Unusable
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json, print_rows
from worker.matching.index import Index, KnownCustomer, SoughtAccount
from worker.matching.products import ItemIndex, KnownItem, SoughtProduct
from worker.matching.suggestions import REQUIRED, Requirement, Suggested, Suggestion

# The headings of a column, in small letters without blanks and signs. The first name is the usual one.
ACCOUNT_HEADINGS: dict[str, tuple[str, ...]] = {
    "id": ("id", "accountid", "account", "number"),
    "name": ("name", "accountname", "companyname", "company", "customer"),
    "email": ("email", "emailaddress", "mail"),
    "domain": ("domain", "website", "web", "url"),
    "phone": ("phone", "phonenumber", "telephone"),
    "tax_id": ("taxid", "vat", "vatnumber", "ein", "taxnumber"),
    "currency": ("currency", "currencycode"),
}
CUSTOMER_HEADINGS: dict[str, tuple[str, ...]] = {
    "id": ("id", "customerid", "number"),
    "display_name": ("displayname", "name", "customer", "customername", "customerfullname"),
    "company_name": ("companyname", "company"),
    "email": ACCOUNT_HEADINGS["email"],
    "website": ("website", "web", "domain", "url"),
    "phone": ACCOUNT_HEADINGS["phone"],
    "tax_id": ACCOUNT_HEADINGS["tax_id"],
    "currency": ACCOUNT_HEADINGS["currency"],
    "active": ("active", "isactive"),
    "parent_id": ("parentid", "parent", "parentref"),
}
PRODUCT_HEADINGS: dict[str, tuple[str, ...]] = {
    "id": ("id", "productid", "product", "number"),
    "name": ("name", "productname", "product", "productservicename"),
    "sku": ("sku", "productcode", "code"),
}
ITEM_HEADINGS: dict[str, tuple[str, ...]] = {
    "id": ("id", "itemid", "number"),
    "name": ("name", "itemname", "productservicename", "productservice", "item"),
    "full_name": ("fullname", "fullyqualifiedname"),
    "sku": PRODUCT_HEADINGS["sku"],
    "type": ("type", "itemtype"),
    "active": ("active", "isactive"),
}
Sought = SoughtAccount | SoughtProduct
NO = frozenset({"false", "no", "0", "inactive"})


def match(
    accounts: Annotated[
        Path,
        typer.Argument(
            metavar="ACCOUNTS.csv",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Columns: name; and id, email, domain, phone, tax_id, currency, if there are any. With --products:"
            " name; and id, sku.",
        ),
    ],
    customers: Annotated[
        Path,
        typer.Argument(
            metavar="CUSTOMERS.csv",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Columns: display_name; and id, company_name, email, website, phone, tax_id, currency, active, parent_id. With"
            " --products: name; and id, full_name, sku, type, active.",
        ),
    ],
    *,
    score: Annotated[
        float, typer.Option(min=0, max=100, help="The least score of a link, in percent.")
    ] = REQUIRED.score,
    margin: Annotated[
        float, typer.Option(min=0, help="The least distance of a link from the runner-up, in points.")
    ] = REQUIRED.margin,
    products: Annotated[
        bool, typer.Option("--products", help="The files have products, and QuickBooks items.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Try the matcher on two files: which customer is each account?

    With --products: which item is each product? Files are CSV in UTF-8, with a heading, separated by commas, semicolons or tabs. Nothing is stored or sent.
    """
    required = Requirement(score, margin, REQUIRED.review)
    compare = _compare_products if products else _compare_accounts
    subject, target = ("product", "item") if products else ("account", "customer")
    answers = list(compare(accounts, customers, required))
    if as_json:
        for sought, answer in answers:
            print_json(_as_json(subject, target, sought, answer))
        return
    columns = (subject, "action", target, "score", "margin", "reasons", "runner_up")
    rows = [_shown(subject, target, *each) for each in answers]
    print_rows(rows, columns, as_json=False, empty=f"No {subject}s.")
    counts = {
        action: sum(answer.decision == action for _, answer in answers)
        for action in ("link", "review", "none")
    }
    people.print(", ".join(f"{count} {action}" for action, count in counts.items()), style="bold")


def _compare_accounts(
    accounts: Path, customers: Path, required: Requirement
) -> Iterator[tuple[Sought, Suggestion]]:
    index = Index()
    for row in _known_rows(customers, CUSTOMER_HEADINGS, "display_name"):
        try:
            index.add(msgspec.convert(row, KnownCustomer))
        except ValueError as error:
            raise Unusable(f"{customers}: two customers have the ID {row['id']}.") from error
    for sought in _rows(accounts, ACCOUNT_HEADINGS, "name"):
        account = msgspec.convert(sought, SoughtAccount)
        yield account, index.suggest(account, required)


def _compare_products(
    products: Path, items: Path, required: Requirement
) -> Iterator[tuple[Sought, Suggestion]]:
    index = ItemIndex()
    for row in _known_rows(items, ITEM_HEADINGS, "name"):
        if str(row.pop("type", "")).capitalize() in NOT_FOR_SALE:
            continue
        try:
            index.add(msgspec.convert(row, KnownItem))
        except ValueError as error:
            raise Unusable(f"{items}: two items have the ID {row['id']}.") from error
    for sought in _rows(products, PRODUCT_HEADINGS, "name"):
        product = msgspec.convert(sought, SoughtProduct)
        yield product, index.suggest(product, required)


def _known_rows(path: Path, headings: dict[str, tuple[str, ...]], name: str) -> Iterator[dict[str, Any]]:
    for row in _rows(path, headings, name):
        yield {**row, "active": row.get("active", "").casefold() not in NO}


def _shown(subject: str, target: str, sought: Sought, answer: Suggestion) -> dict[str, Any]:
    """Return a row of the table; without a match, it shows the nearest customers or items."""
    if answer.best is None:
        nearest = ", ".join(_brief(each) for each in answer.nearest)
        found = "No match found" + (f"; nearest: {nearest}" if nearest else "")
        return {subject: sought.name, "action": "none", target: found}
    best = answer.best
    return {
        subject: sought.name,
        "action": answer.decision,
        target: f"{best.name} ({best.id})",
        "score": f"{best.score:.1f}",
        "margin": f"{answer.margin:.1f}",
        "reasons": ", ".join(best.reasons),
        "runner_up": _brief(answer.runner_up) if answer.runner_up and answer.runner_up.rank >= 1 else "",
    }


def _brief(candidate: Suggested) -> str:
    return f"{candidate.name} {candidate.score:.1f}"


def _as_json(subject: str, target: str, sought: Sought, answer: Suggestion) -> dict[str, Any]:
    best = answer.best
    return {
        subject: sought.id,
        f"{subject}_name": sought.name,
        "action": answer.decision,
        target: best.id if best else None,
        f"{target}_name": best.name if best else None,
        "score": best.score if best else None,
        "margin": answer.margin,
        "reasons": best.reasons if best else (),
        "runner_up": _candidate(target, answer.runner_up) if answer.runner_up else None,
        "nearest": [_candidate(target, each) for each in answer.nearest],
        "matcher": answer.matcher,
    }


def _candidate(target: str, found: Suggested) -> dict[str, Any]:
    row = msgspec.structs.asdict(found)
    return {
        target: row.pop("id"),
        **row,
        "features": found.features and msgspec.to_builtins(found.features),
    }


def _rows(path: Path, headings: dict[str, tuple[str, ...]], name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a file by our names of the columns, without empty cells.

    Rows without an ID get their number. Raises `Unusable` for a file without a column of names.
    """
    rows = spreadsheets.lines(path)
    _, heading = next(rows, (0, []))
    places = _places(heading, headings)
    if name not in places:
        known = ", ".join(headings[name])
        raise Unusable(f"{path}: no column of names. Give its column one of these headings: {known}.")
    for number, (_, cells) in enumerate(rows, 1):
        row = {key: cells[place].strip() for key, place in places.items() if place < len(cells)}
        filled = {key: value for key, value in row.items() if value}
        if filled:
            yield {"id": str(number), name: "", **filled}


def _places(heading: list[str], headings: dict[str, tuple[str, ...]]) -> dict[str, int]:
    found = ["".join(filter(str.isalnum, cell.casefold())) for cell in heading]
    return {
        key: found.index(title)
        for key, titles in headings.items()
        if (title := next((each for each in titles if each in found), None)) is not None
    }
