"""Every family of rules, in the order in which the rules about one subject run."""

from worker.quote_to_cash.company import rules as company
from worker.quote_to_cash.customers import offers
from worker.quote_to_cash.customers import rules as customers
from worker.quote_to_cash.deal import rules as deal
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.in_step import rules as in_step
from worker.quote_to_cash.invoice import rules as invoice
from worker.quote_to_cash.items import rules as items
from worker.quote_to_cash.readings import rules as readings

FAMILIES: tuple[Family, ...] = (
    company.FAMILY,
    customers.FAMILY,
    offers.FAMILY,
    offers.OFFERING,
    items.FAMILY,
    readings.CUSTOMERS,
    readings.ITEMS,
    in_step.FAMILY,
    deal.FAMILY,
    invoice.FAMILY,
)
