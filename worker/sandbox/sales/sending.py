"""Sending a transaction by e-mail, and printing it."""

import hashlib

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Entity
from worker.sandbox.schema.common import EMAIL
from worker.sandbox.schema.kinds import Fields

_PAGE = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"


def send(company: Company, entity: Entity, identifier: str, to: str | None, act: Act) -> Fields:
    """Send a transaction to an address, or to its own; nothing leaves the sandbox.

    Raises:
        Fault: There is no such transaction, or no address.
    """
    before = company.existing(entity.name, identifier)
    address = EMAIL.read({"Address": to}, "sendTo") if to else before.get("BillEmail")
    if not address:
        raise faults.business("An e-mail address is needed to send the transaction")
    sent = {
        **before,
        "BillEmail": address,
        "EmailStatus": "EmailSent",
        "DeliveryInfo": {"DeliveryType": "Email", "DeliveryTime": company.instant(act.at)},
    }
    kept = {name: value for name, value in sent.items() if name in entity.properties.by_name}
    return company.answer(entity, company.replace(entity.name, before, kept, act, "Emailed"), "send")


def with_link(company: Company, invoice: Fields) -> Fields:
    """Return an invoice with the address of the page on which its customer can pay it online, if there is one."""
    online = invoice.get("AllowOnlineACHPayment") or invoice.get("AllowOnlineCreditCardPayment")
    if not online or not (invoice.get("BillEmail") or {}).get("Address"):
        return invoice
    key = hashlib.sha256(f"{company.realm}/{invoice['Id']}".encode()).hexdigest()
    return {**invoice, "InvoiceLink": f"https://connect.intuit.com/t/scs-v1-{key}?locale=en_US"}


def pdf(company: Company, entity: Entity, identifier: str) -> bytes:
    """Return a page with a transaction's main facts, as PDF.

    Raises:
        Fault: There is no such transaction.
    """
    stored = company.existing(entity.name, identifier)
    shown = company.shown(entity, stored)
    lines = (
        f"{company.traits.name}",
        f"{entity.name} {shown.get('DocNumber') or identifier}",
        f"{shown.get('CustomerRef', {}).get('name', '')}",
        f"{shown['TxnDate']}",
        f"Total {shown['TotalAmt']} {shown['CurrencyRef']['value']}",
    )
    return _document(lines)


def _document(lines: tuple[str, ...]) -> bytes:
    """Write a PDF of one page."""
    text = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
    stream = f"BT /F1 14 Tf 72 720 Td 22 TL {text} ET".encode("latin-1", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE.encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body, places = bytearray(b"%PDF-1.4\n"), []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(body)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
