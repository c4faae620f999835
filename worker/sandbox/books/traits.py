"""The traits of a company: its country, its settings, and switches for behaviour of QuickBooks that is unsure."""

from datetime import date
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from worker.sandbox.schema.currencies import CURRENCIES

Plan = Literal["Simple Start", "Essentials", "Plus", "Advanced"]
Subscription = Literal["paid", "trial", "lapsed"]
Tax = Literal["us", "us-ast", "uk", "ca"]
Month = Literal[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
MONTHS: tuple[Month, ...] = get_args(Month)
VoidedNote = Annotated[str, Meta(min_length=1, max_length=40)]


class Traits(Struct, frozen=True, forbid_unknown_fields=True):
    """How a company is set up; the control API can change each.

    Attributes:
        name: The company's name.
        country: Its country, two letters.
        home_currency: The currency of its books.
        time_zone: Its zone; apps see it in the offsets of times only.
        tax: Its tax regime: `us`, `us-ast` (automated), `uk` or `ca`.
        address: Its address.
        plan: What it subscribes to.
        subscription: Whether it pays, tries, or has ended; then its books are closed to apps.
        fiscal_year_start: The first month of its fiscal year.
        custom_transaction_numbers: Whether people choose document numbers; if not, QuickBooks counts.
        multicurrency: Whether it has several currencies.
        using_sales_tax: Whether it charges sales tax at all.
        allow_discount: Whether invoices may have a discount.
        allow_shipping: Whether invoices may have a line for shipping.
        allow_deposit: Whether invoices may have a deposit.
        auto_apply_credit: Whether QuickBooks applies open credit memos to new invoices by itself.
        auto_apply_payments: Whether it applies unapplied payments to new invoices likewise.
        classes_per_transaction: Whether a transaction has one class.
        classes_per_line: Whether each line has a class.
        track_departments: Whether transactions have a department, which QuickBooks also calls a location.
        books_closed_until: The last day of the closed books.
        users_without_rights: The e-mail addresses of users who connected an app and lost the right to it.
        typographic_quotes_in_queries: Whether a query may hold curly quotes; for years they were lexical errors.
        ids_compare_as_texts: Whether queries compare and order Ids as texts, where "10" comes before "9".
        query_lag_seconds: How long queries go on showing objects as they were; reads by Id do not lag.
        query_lag_varies: Whether each query lags by another share of that, as copies of the books would.
        inactive_names_stay: Whether inactive entries keep their names, which nothing else can have then.
        changes_lag_seconds: How long change data capture does not show a change yet.
        payments_change_invoices: Whether a payment gives its invoices a new sync token.
        payments_are_released: Whether an invoice that is voided or made smaller leaves its payments unapplied; if
            not, it is refused.
        number_checked_on_every_update: Whether an update that leaves the number alone is checked for duplicates.
        request_ids_of_any_entity: Whether a request ID answers a request for another entity with the first answer.
        book_close_date_visible: Whether the preferences tell apps until when the books are closed.
        lapsed_books_are_readable: Whether apps can still read the books of a subscription that has ended.
        lapsed_status_is_200: Whether the fault of a lapsed subscription comes with HTTP 200.
        tax_can_be_overridden: Whether the tax that a request states replaces the calculated one, in the US.
        automated_tax_rounds_each_rate: Whether automated tax is rounded for each rate, instead of once for all.
        merges_change_transactions: Whether what moves in a merge gets a new sync token and a notification.
        sparse_nulls_erase: Whether a property that is null in a sparse update is erased, as an empty text erases one.
        sparse_merges_parts: Whether a sparse update merges an address, an e-mail address, a telephone number or a website
            with the present one, member by member, instead of replacing it.
        erased_addresses_keep_ids: Whether an address that a sparse update erases is shown with its Id alone.
        tax_ids_are_hidden: Whether answers show only the last five letters and digits of a customer's tax IDs.
        voided_note: The word that a void writes into the private note, in the company's language.
    """

    name: str
    country: str
    home_currency: str
    time_zone: str
    tax: Tax
    address: dict[str, str] = {}
    plan: Plan = "Plus"
    subscription: Subscription = "paid"
    fiscal_year_start: Month = "January"
    custom_transaction_numbers: bool = False
    multicurrency: bool = False
    using_sales_tax: bool = True
    allow_discount: bool = True
    allow_shipping: bool = True
    allow_deposit: bool = False
    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    classes_per_transaction: bool = False
    classes_per_line: bool = True
    track_departments: bool = True
    books_closed_until: date | None = None
    users_without_rights: tuple[str, ...] = ()
    typographic_quotes_in_queries: bool = False
    ids_compare_as_texts: bool = False
    query_lag_seconds: float = 0
    query_lag_varies: bool = False
    changes_lag_seconds: float = 0
    inactive_names_stay: bool = False
    payments_change_invoices: bool = True
    payments_are_released: bool = False
    number_checked_on_every_update: bool = False
    request_ids_of_any_entity: bool = True
    book_close_date_visible: bool = False
    lapsed_books_are_readable: bool = False
    lapsed_status_is_200: bool = False
    tax_can_be_overridden: bool = False
    automated_tax_rounds_each_rate: bool = False
    merges_change_transactions: bool = False
    sparse_nulls_erase: bool = False
    sparse_merges_parts: bool = False
    erased_addresses_keep_ids: bool = True
    tax_ids_are_hidden: bool = True
    voided_note: VoidedNote = "Voided"

    def __post_init__(self) -> None:
        """Refuse a currency or a time zone that does not exist."""
        if self.home_currency not in CURRENCIES:
            raise ValueError(f"There is no currency {self.home_currency} - at `$.home_currency`")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"There is no time zone {self.time_zone} - at `$.time_zone`") from None
