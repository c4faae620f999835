"""The matcher on two files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from worker.cli import spreadsheets
from worker.cli.failing import Unusable
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json, print_rows
from worker.matching.index import Index, KnownCustomer, SoughtAccount
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
NO = frozenset({"false", "no", "0", "inactive"})


def match(
    accounts: Annotated[
        Path,
        typer.Argument(
            metavar="ACCOUNTS.csv",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Columns: name; and id, email, domain, phone, tax_id, currency, if there are any.",
        ),
    ],
    customers: Annotated[
        Path,
        typer.Argument(
            metavar="CUSTOMERS.csv",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Columns: display_name; and id, company_name, email, website, phone, tax_id, currency, active, parent_id.",
        ),
    ],
    *,
    score: Annotated[
        float, typer.Option(min=0, max=100, help="The least score of a link, in percent.")
    ] = REQUIRED.score,
    margin: Annotated[
        float, typer.Option(min=0, help="The least distance of a link from the runner-up, in points.")
    ] = REQUIRED.margin,
    as_json: JsonOption = False,
) -> None:
    """Try the matcher on two files: which customer is each account?

    Files are CSV in UTF-8, with a heading, separated by commas, semicolons or tabs. Nothing is stored or sent.
    """
    index = Index()
    for row in _rows(customers, CUSTOMER_HEADINGS, "display_name"):
        customer = msgspec.convert(
            row | {"active": row.get("active", "").casefold() not in NO}, KnownCustomer
        )
        try:
            index.add(customer)
        except ValueError as error:
            raise Unusable(f"{customers}: two customers have the ID {customer.id}.") from error
    required = Requirement(score, margin, REQUIRED.review)
    sought = [msgspec.convert(row, SoughtAccount) for row in _rows(accounts, ACCOUNT_HEADINGS, "name")]
    answers = [(account, index.suggest(account, required)) for account in sought]
    if as_json:
        for account, answer in answers:
            print_json(_as_json(account, answer))
        return
    columns = ("account", "action", "customer", "score", "margin", "reasons", "runner_up")
    print_rows([_shown(*each) for each in answers], columns, as_json=False, empty="No accounts.")
    counts = {
        action: sum(answer.decision == action for _, answer in answers)
        for action in ("link", "review", "none")
    }
    people.print(", ".join(f"{count} {action}" for action, count in counts.items()), style="bold")


def _shown(account: SoughtAccount, answer: Suggestion) -> dict[str, Any]:
    """Return a row of the table; without a match, it shows the nearest customers."""
    if answer.best is None:
        nearest = ", ".join(_brief(each) for each in answer.nearest)
        found = "No match found" + (f"; nearest: {nearest}" if nearest else "")
        return {"account": account.name, "action": "none", "customer": found}
    best = answer.best
    return {
        "account": account.name,
        "action": answer.decision,
        "customer": f"{best.name} ({best.id})",
        "score": f"{best.score:.1f}",
        "margin": f"{answer.margin:.1f}",
        "reasons": ", ".join(best.reasons),
        "runner_up": _brief(answer.runner_up) if answer.runner_up and answer.runner_up.rank >= 1 else "",
    }


def _brief(candidate: Suggested) -> str:
    return f"{candidate.name} {candidate.score:.1f}"


def _as_json(account: SoughtAccount, answer: Suggestion) -> dict[str, Any]:
    best = answer.best
    return {
        "account": account.id,
        "account_name": account.name,
        "action": answer.decision,
        "customer": best.id if best else None,
        "customer_name": best.name if best else None,
        "score": best.score if best else None,
        "margin": answer.margin,
        "reasons": best.reasons if best else (),
        "runner_up": _candidate(answer.runner_up) if answer.runner_up else None,
        "nearest": [_candidate(each) for each in answer.nearest],
        "matcher": answer.matcher,
    }


def _candidate(found: Suggested) -> dict[str, Any]:
    row = msgspec.structs.asdict(found)
    return {
        "customer": row.pop("id"),
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
