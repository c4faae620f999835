"""Show one whole invoice for people, with names instead of IDs."""

from typing import Any

from rich.table import Table
from rich.text import Text

from worker.demo.expected import SHIPPING, Books, Entity, net


def title(deal_id: str, invoice: Entity) -> str:
    """Return the heading of an invoice."""
    return f"Invoice {invoice['DocNumber']} of {deal_id}, as it is in QuickBooks"


def head(invoice: Entity, books: Books) -> Table:
    """Return a table with the customer, dates, currency and note of an invoice."""
    customer = _entry(books, "Customer", invoice["CustomerRef"])
    address = invoice.get("BillAddr") or {}
    parts = ("Line1", "City", "CountrySubDivisionCode", "PostalCode", "Country")
    term = _entry(books, "Term", invoice.get("SalesTermRef")).get("Name", "no terms")
    table = Table.grid(padding=(0, 2))
    for name, text in (
        ("customer", customer.get("DisplayName")),
        ("e-mail", (customer.get("PrimaryEmailAddr") or {}).get("Address")),
        ("address", ", ".join(str(address[part]) for part in parts if address.get(part))),
        ("dated", f"{invoice['TxnDate']}, due {invoice['DueDate']} ({term})"),
        ("currency", invoice["CurrencyRef"]["value"]),
        ("note", invoice.get("PrivateNote")),
    ):
        table.add_row(Text(name, style="dim"), str(text))
    return table


def lines(invoice: Entity, books: Books) -> Table:
    """Return a table with the lines and totals of an invoice."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name, justify in (
        ("", "left"),
        ("quantity", "right"),
        ("price", "right"),
        ("amount", "right"),
        ("tax", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # a literal above
    for line in invoice["Line"]:
        if line["DetailType"] == "SalesItemLineDetail":
            table.add_row(*_sold(line, books))
        elif line["DetailType"] == "DiscountLineDetail":
            table.add_row("less a discount", "", "", f"-{line['Amount']:,.2f}", "")
    before = net(invoice)
    table.add_section()
    table.add_row("before tax", "", "", f"{before:,.2f}", "")
    table.add_row("tax", "", "", f"{invoice['TotalAmt'] - before:,.2f}", "")
    table.add_row("total", "", "", f"{invoice['TotalAmt']:,.2f}", "", style="bold")
    return table


def _sold(line: Entity, books: Books) -> tuple[str, ...]:
    detail = line["SalesItemLineDetail"]
    item = _entry(books, "Item", detail["ItemRef"])
    name = "shipping" if detail["ItemRef"]["value"] == SHIPPING else item.get("Name")
    code = (detail.get("TaxCodeRef") or {}).get("value", "")
    columns = (line.get("Description") or name, detail.get("Qty", ""), detail.get("UnitPrice", ""))
    return (*map(str, columns), f"{line['Amount']:,.2f}", str(code))


def _entry(books: Books, entity: str, reference: Any) -> Entity:
    wanted = (reference or {}).get("value")
    return next((found for found in books[entity] if found["Id"] == wanted), {})
