"""All that settles the fields of a pair now: values of both sides, rules, outcomes of updates, and people's decisions."""

from collections.abc import Iterator

from msgspec import Struct

from events.contract.crm import AccountUpdated
from events.contract.gates import CUSTOMER_CHANGED
from events.contract.in_step import BothValues, FieldName, FieldSettlement, Side
from events.contract.quickbooks import CompanyObserved, CustomerObserved
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.in_step.meaning import same
from worker.quote_to_cash.in_step.settle import Now, Rule, UpdateAnswer, UpdateRefusal
from worker.quote_to_cash.in_step.state import Pair, Terms
from worker.quote_to_cash.in_step.values import FIELDS, Fit, crm_value, fitted, quickbooks_value
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import BOTH, TO_CRM, TO_QUICKBOOKS
from worker.workspaces.settings import Settings, rule_of

Outcomes = dict[FieldName, UpdateAnswer | UpdateRefusal]
# A customer is taxed and has no terms of its own unless QuickBooks says so: the CRM is not told that.
USUAL: dict[str, str | bool | None] = {"terms": None, "taxable": True}


class Sides(Struct, frozen=True):
    """An account and its customer, as they are now, in a company."""

    account: AccountUpdated
    customer: CustomerObserved
    company: CompanyObserved
    settings: Settings
    terms: dict[str, str]
    is_only_one: bool

    @property
    def may_write(self) -> bool:
        """Whether customers may be changed in QuickBooks."""
        return self.settings.customer_sync in {TO_QUICKBOOKS, BOTH}

    @property
    def may_tell(self) -> bool:
        """Whether the CRM may be told values."""
        return self.settings.customer_sync in {TO_CRM, BOTH}

    @property
    def full_name(self) -> str | None:
        """A sub-customer's name with those above it, such as `Acme Austin`; None for other customers."""
        return self.customer.full_name.replace(":", " ") if self.customer.full_name else None

    def fit(self, field: FieldName) -> Fit:
        """Return the CRM's value of a field as QuickBooks can have it."""
        return fitted(self.account, field, self.customer)

    def own_values(self) -> dict[str, str | bool | None]:
        """Return the values of the fields that QuickBooks alone has; those with an unknown name are left out."""
        names = {term.id: term.name for term in self.company.terms} | self.terms
        taxable = self.customer.taxable
        values: dict[str, str | bool | None] = {"taxable": taxable if taxable is not None else True}
        if self.customer.terms_id is None or self.customer.terms_id in names:
            values["terms"] = names.get(self.customer.terms_id or "")
        return values


def sides_of(view: View, account: Account, customer: CustomerObserved) -> Sides | None:
    """Return the sides of a pair; None until the CRM has sent the account and the company was read."""
    workspace = view.get(WorkspaceState)
    if account.latest is None or workspace.company is None:
        return None
    is_only_one = len(account.links_in(customer.realm)) == 1
    terms = view.get(Terms, customer.realm).names
    return Sides(account.latest, customer, workspace.company, workspace.settings, terms, is_only_one)


def settled_before(
    account_id: str, account: Account, customer: CustomerObserved, pair: Pair
) -> dict[FieldName, FieldSettlement]:
    """Return the settled fields of a pair.

    Those of a customer that the worker created are the account's as they were sent; those of an account that the CRM created
    from a customer are the customer's as they were offered.
    """
    known: dict[FieldName, FieldSettlement] = {}
    brought = account.brought_in(customer.realm)
    if pair.offered is not None and brought is not None and brought.customer_id == customer.customer_id:
        for name in FIELDS:
            offer = BothValues(pair.offered.get(name), pair.offered.get(name))
            known[name] = FieldSettlement(name, "agreed", offer, offer)
    created = pair.created
    if created is not None and created.account_id == account_id:
        for field in account.sent.get(created.request_id, ()):
            value = quickbooks_value(created.customer, field.field) if created.customer else field.sent
            if created.adopted and not same(field.field, field.sent, value):
                continue  # an earlier request created it, or an accountant has edited it since
            base = BothValues(field.crm, value)
            known[field.field] = FieldSettlement(field.field, "agreed", base, base)
    if pair.account_id == account_id:
        known |= {each.field: each for each in pair.fields.values()}
    return known


def outcomes_of(pair: Pair) -> tuple[Outcomes, int]:
    """Return the outcomes of updates that were not considered yet, by field, and the last generation of them."""
    found: Outcomes = {}
    handled = pair.handled
    updates = {update.request_id: update for update in pair.updates}
    for outcome in sorted(pair.outcomes, key=lambda each: each.generation):
        update = updates.get(outcome.request_id)
        if update is None or outcome.generation <= pair.handled or outcome.gate == CUSTOMER_CHANGED:
            continue
        handled = outcome.generation
        for field in update.fields:
            if outcome.customer is not None:
                value = quickbooks_value(outcome.customer, field.field)
                found[field.field] = UpdateAnswer(field.crm, field.sent, value)
            elif (
                outcome.holder is None or field.field == "name"
            ):  # a taken name says nothing about the other fields
                several = outcome.holder is None and len(update.fields) > 1
                found[field.field] = UpdateRefusal(field.sent, outcome.message, outcome.holder, several)
    return found, handled


def fields_now(sides: Sides, pair: Pair, outcomes: Outcomes) -> Iterator[Now]:
    """Yield all that settles each field now."""
    for field in FIELDS:
        crm, fit = crm_value(sides.account, field), sides.fit(field)
        value = quickbooks_value(sides.customer, field)
        yield Now(
            field,
            crm,
            fit.value,
            value,
            _rule(sides.settings, field),
            sides.may_write,
            sides.may_tell,
            fit.unfit,
            outcomes.get(field),
            _taken(pair, field, BothValues(crm, value)),
            pair.retries.get(field, 0),
            sides.full_name if field == "name" else None,
        )
    currency = sides.customer.currency
    if sides.is_only_one and currency is not None:
        # An account without a currency has the company's.
        of_account = sides.account.currency or sides.company.home_currency
        yield Now(
            "currency",
            of_account,
            of_account,
            currency,
            _rule(sides.settings, "currency"),
            may_write=False,
            may_tell=sides.may_tell,
            take=_taken(pair, "currency", BothValues(of_account, currency)),
        )


def _taken(pair: Pair, field: FieldName, values: BothValues) -> Side | None:
    """Return the side that a person chose between these values of a field."""
    decided = pair.resolved.get(field)
    return decided.take if decided is not None and decided.values == values else None


def _rule(settings: Settings, field: FieldName) -> Rule:
    rules: dict[str, Rule] = {"crm": "crm", "quickbooks": "quickbooks"}
    return rules.get(rule_of(settings, field), "both")
