"""Mutations of an invoice's announcements to the CRM and reporting, and of QuickBooks' figures."""

from tests.mutations.mutation import Mutation

_INVOICE_RULES = "worker/quote_to_cash/invoice/rules.py"
_CREATED = "worker/commands/kinds/create_invoice.py"
_ROOM = ("tests/worker/commands/test_outcomes.py",)

MUTATIONS = (
    Mutation(
        "told_total",
        _INVOICE_RULES,
        "        **figures_of(created),\n    )\n    latest = ",
        '        **{**figures_of(created), "total": created.net},\n    )\n    latest = ',
        "The CRM shows the total without tax.",
    ),
    Mutation(
        "told_due_date",
        _INVOICE_RULES,
        "        **figures_of(created),\n    )\n    latest = ",
        '        **{**figures_of(created), "due_date": None},\n    )\n    latest = ',
        "The CRM does not know when the invoice is due.",
    ),
    Mutation(
        "told_link",
        _INVOICE_RULES,
        "link=invoice_link(created.realm, created.invoice_id)",
        "link=invoice_link(created.realm, str(created.doc_number))",
        "The link in the CRM opens another invoice.",
    ),
    Mutation(
        "reported_balance",
        _INVOICE_RULES,
        "balance=created.balance,",
        "balance=created.total,",
        "Reporting counts paid amounts as owed.",
    ),
    Mutation(
        "reported_status",
        _INVOICE_RULES,
        'status="outstanding" if created.balance else "paid"',
        'status="outstanding"',
        "Reporting shows paid invoices as outstanding.",
    ),
    Mutation(
        "reported_account",
        _INVOICE_RULES,
        "account_id=latest.account_id if latest else None,",
        "account_id=created.customer_id,",
        "Reporting adds revenue up by IDs that no account has.",
    ),
    Mutation(
        "reported_date",
        _INVOICE_RULES,
        "txn_date=created.txn_date,",
        "txn_date=created.due_date or created.txn_date,",
        "Reporting counts revenue in the month of the due date.",
    ),
    Mutation(
        "net_with_tax",
        _CREATED,
        "net = total - tax",
        "net = total",
        "Revenue is counted with tax.",
        _ROOM,
    ),
    Mutation(
        "no_tax",
        _CREATED,
        '.get("TotalTax") or 0)',
        '.get("TaxTotal") or 0)',
        "No invoice has any tax.",
        _ROOM,
    ),
    Mutation(
        "due_date",
        _CREATED,
        'due_date=date.fromisoformat(invoice["DueDate"]) if invoice.get("DueDate") else None',
        'due_date=date.fromisoformat(invoice["TxnDate"]) if invoice.get("DueDate") else None',
        "Every invoice is overdue on the day after its creation.",
        _ROOM,
    ),
    Mutation(
        "currency_of_outcome",
        _CREATED,
        'currency = reference(invoice, "CurrencyRef") or ""',
        'currency = "USD"',
        "Euros are reported as dollars.",
        _ROOM,
    ),
    Mutation(
        "balance_of_outcome",
        _CREATED,
        'Decimal(invoice.get("Balance", total))',
        "total",
        "An amount that a deposit or credit paid at once is shown as owed.",
        _ROOM,
    ),
    Mutation(
        "number_of_outcome",
        _CREATED,
        'doc_number=invoice.get("DocNumber") or None',
        "doc_number=None",
        "The CRM and reporting do not get the invoice's number.",
        _ROOM,
    ),
    Mutation(
        "date_of_outcome",
        _CREATED,
        'txn_date=date.fromisoformat(invoice["TxnDate"])',
        "txn_date=command.created_at.date()",
        "An invoice is reported on the day, in UTC, on which it was commanded.",
        _ROOM,
    ),
    Mutation(
        "difference_not_flagged",
        _CREATED,
        "expected=in_currency(expected, currency) if expected != net else None",
        "expected=None",
        "An invoice whose amount in QuickBooks differs from the decided one is not flagged.",
        _ROOM,
    ),
    Mutation(
        "credits_counted",
        _CREATED,
        '"DiscountLineDetail": -1}',
        '"DiscountLineDetail": 1}',
        "Every invoice with a discount is flagged as differing.",
        _ROOM,
    ),
)
