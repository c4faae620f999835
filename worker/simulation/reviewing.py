"""People review accounts while the CRM renames them and the accountant changes the customers that they could be.

The accounts have no deals: the story that is compared with the books stays certain, whatever people decide about them.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import sqlalchemy as sa

from events.contract.in_step import Side
from projections import mappings
from projections.mappings import MAPPED, suggestion
from worker.actions import bulk_reviews, conflicts, reviewed
from worker.actions.admin import ActionRefused, Admin
from worker.actions.bulk_reviews import DECISIONS, AccountDecision, MappingDecision
from worker.actions.conflicts import ConflictsWanted
from worker.quickbooks.gateway import Gateway
from worker.sandbox import accountant
from worker.sandbox.books.company import Company
from worker.sandbox.faults import Fault
from worker.services import Services
from worker.simulation.crm import Crm
from worker.simulation.outside import Outside
from worker.simulation.prospects import (
    ACCOUNTS,
    CUSTOMERS,
    DOMAINS,
    NAMES,
    PHONES,
    ReviewPlan,
    ReviewStep,
)
from worker.simulation.telling import Telling

PEOPLE = ("ada", "bo")
SURE = Decimal(90)
BROUGHT_RATE = 0.1
HURRIED_TIMES = 4
SIDES: tuple[Side, ...] = ("crm", "quickbooks")
CONFLICT = ConflictsWanted("conflict")
# How often people decide in each way, in the order of DECISIONS: accept, reject, map, create, ignore, unignore.
_OFTEN = (5, 4, 4, 3, 2, 2)
_MAPPINGS = mappings.mappings


class Reviewing:
    """The people, the CRM and the accountant of a seed's review."""

    def __init__(self, outside: Outside, telling: Telling, plan: ReviewPlan) -> None:
        self._outside = outside
        self._telling = telling
        self.workspace = telling.workspace
        self._cluster = outside.cluster
        self._steps = [step for step in plan.steps if step.workspace == telling.workspace]
        self._families, self._places = plan.names[telling.workspace], plan.places
        self._random = Random(f"{self._cluster.seed}:review of {self.workspace}")  # noqa: S311 - a simulation repeats itself
        self.crm = Crm(self.workspace, self._cluster.seed, self._cluster.store.read, telling.send)
        self._customers: list[str] = []
        self._opened = self._called = 0

    async def play(self) -> None:
        """List customers, send accounts, and take each step at its time."""
        for _ in range(CUSTOMERS):
            self._list(self._company)
        await self._telling.is_set_up.wait()
        for _ in range(ACCOUNTS):
            await self._open_account()
        await asyncio.gather(*(self._take(step) for step in self._steps))

    @property
    def edits(self) -> int:
        """How many times people have edited an account or a customer, or decided about one."""
        by_people = (
            change for change in self._company.journal.after(0) if change.by == accountant.ACCOUNTANT
        )
        customers = sum(change.entity == "Customer" for change in by_people)
        return self.crm.edits + customers + len(self._steps)

    async def _take(self, step: ReviewStep) -> None:
        await asyncio.sleep(max(0.0, step.at - self._cluster.loop.time()))
        self._cluster.counts[f"review_{step.kind}"] += 1
        if step.kind == "decide":
            await self._decide([await self._decision()])
        elif step.kind == "race":
            await asyncio.gather(*[self._decide([each]) for each in await self._race()])
        elif step.kind == "accept_above":
            await self._accept_above()
        elif step.kind == "resolve":
            await self._resolve()
        elif step.kind == "open_account":
            await self._open_account()
        elif step.kind in {"overtake", "hurry"}:
            await self._hurry(is_overtaken=step.kind == "overtake")
        elif step.kind == "edit_account":
            await self._edit_account(self._random.choice(sorted(self.crm.accounts)))
        else:
            self._edit(step)

    @property
    def _company(self) -> Company:
        return self._cluster.sandbox.companies[self._outside.realms[self.workspace]]

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        """Draw a name, and maybe the domain of its family."""
        family = self._random.choice(self._families)
        domain = {"domain": DOMAINS[family]} if self._random.getrandbits(1) else {}
        name = self._random.choice(NAMES[family])
        return f"{name} {self._random.choice(self._places)}" if self._places else name, domain

    async def _open_account(self) -> None:
        """Send an account that the CRM did not have, and request a customer for it half of the time."""
        self._opened += 1
        account_id = f"R-{self._opened}"
        await self._edit_account(account_id)
        if self._random.getrandbits(1):
            await self._decide([AccountDecision(account_id, "create")])

    async def _edit_account(self, account_id: str) -> None:
        """Give an account another name, phone number or e-mail address; a new one gets all."""
        name, identifiers = self._drawn()
        fields = {"name": name, **identifiers, **self._contact("email", "phone")}
        if account_id in self.crm.accounts:
            chosen = self._random.choice(("name", "email", "phone"))
            fields = {chosen: fields.get(chosen)} if chosen != "name" else {"name": name, **identifiers}
        else:
            fields["currency"] = self._outside.plan.companies[self.workspace].market.currencies[0]
        await self.crm.edit(account_id, **fields, **self._brought())

    async def _hurry(self, *, is_overtaken: bool) -> None:
        """Give a linked account another phone number, several times in a row, or once right after its customer has changed."""
        targets = await self._cluster.store.read(_targets, self.workspace)
        company = self._company
        linked = [
            (account_id, customer)
            for account_id, customer in targets
            if account_id in self.crm.accounts and company.get("Customer", customer) is not None
        ]
        if not linked:
            return
        account_id, customer = self._random.choice(linked)
        if is_overtaken:
            self._change(customer, self._customer_fields())
        for _ in range(1 if is_overtaken else HURRIED_TIMES):
            self._called += 1
            await self.crm.edit(account_id, phone=f"+1 503 556 {self._called:04}")

    def _contact(self, email: str, phone: str) -> dict[str, str | None]:
        """Draw an e-mail address and a phone number, or none."""
        domain = DOMAINS[self._random.choice(self._families)]
        return {
            email: self._random.choice((None, f"pay@{domain}", f"books@{domain}")),
            phone: self._random.choice((None, *PHONES)),
        }

    def _brought(self) -> dict[str, Any]:
        """Return the customer that the CRM says an account is, now and then."""
        if not self._customers or self._random.random() >= BROUGHT_RATE:
            return {}
        realm = self._outside.realms[self.workspace]
        return {"customer": {"realm": realm, "customer_id": self._random.choice(self._customers)}}

    def _edit(self, step: ReviewStep) -> None:
        """Edit a customer as the accountant does, unless QuickBooks refuses it."""
        company = self._company
        created = (
            each["Id"]
            for each in company.objects["Customer"].values()
            if str(each.get("Notes")).startswith("Account R-")
        )
        present = [*(each for each in self._customers if company.get("Customer", each) is not None), *created]
        if step.kind == "list":
            self._list(company)
            return
        if not present:
            return
        chosen, other = self._random.choice(present), self._random.choice(present)
        if step.kind == "edit_customer":
            self._change(chosen, self._customer_fields())
        elif step.kind == "switch":
            self._change(chosen, {"Active": company.objects["Customer"][chosen].get("Active") is False})
        elif chosen != other:
            try:
                accountant.merge(company, "Customer", chosen, other, self._cluster.world.now())
            except Fault:  # the accountant sees it, and gives up
                self._cluster.counts["review_edit_refused"] += 1

    def _change(self, customer: str, fields: dict[str, Any]) -> None:
        """Change a customer, unless QuickBooks refuses it."""
        try:
            accountant.change(self._company, "Customer", customer, fields, self._cluster.world.now())
        except Fault:  # as above
            self._cluster.counts["review_edit_refused"] += 1

    def _customer_fields(self) -> dict[str, Any]:
        contact = self._contact("email", "phone")
        drawn: tuple[dict[str, Any], ...] = (
            {"DisplayName": self._drawn()[0]},
            {"PrimaryEmailAddr": {"Address": contact["email"]} if contact["email"] else None},
            {"PrimaryPhone": {"FreeFormNumber": contact["phone"]} if contact["phone"] else None},
        )
        return self._random.choice(drawn)

    def _list(self, company: Company) -> None:
        """List a customer with a drawn name, unless there is one."""
        name, identifiers = self._drawn()
        fields: dict[str, Any] = {"DisplayName": name}
        if "domain" in identifiers:
            fields["PrimaryEmailAddr"] = {"Address": f"pay@{identifiers['domain']}"}
        try:
            made = accountant.create(company, "Customer", fields, self._cluster.world.now())
        except Fault:  # as above
            self._cluster.counts["review_edit_refused"] += 1
        else:
            self._customers.append(str(made["Id"]))

    async def _decision(self, account_id: str | None = None) -> AccountDecision:
        """Draw a decision about an account, by the suggestion that people see."""
        account_id = account_id or self._random.choice(sorted(self.crm.accounts))
        suggested = await self._cluster.store.read(_suggested, self.workspace, account_id)
        decision = self._random.choices(DECISIONS, _OFTEN)[0]
        customer = None
        if decision == "map":
            customer = self._random.choice([*self._customers, *([suggested] if suggested else [])])
        elif decision in {"accept", "reject"}:
            customer = suggested
        return AccountDecision(account_id, decision, customer, also=self._random.random() < 0.2)  # noqa: PLR2004 - some

    async def _race(self) -> Sequence[AccountDecision]:
        """Draw two decisions of two people at once: about one account, or that give two accounts one customer."""
        first = await self._decision()
        if self._random.getrandbits(1) or first.customer is None:
            return first, await self._decision(first.account)
        others = sorted(self.crm.accounts.keys() - {first.account})
        return AccountDecision(first.account, "map", first.customer), AccountDecision(
            self._random.choice(others), "map", first.customer
        )

    async def _resolve(self) -> None:
        """Decide the first conflict for one side."""
        take = self._random.choice(SIDES)

        async def ask(services: Services, _: Gateway) -> None:
            admin = Admin.of(services, self.workspace, by="ada")
            found = await services.database.read(conflicts.list_conflicts, self.workspace, 1, CONFLICT)
            for row in found:
                try:
                    position = await conflicts.resolve(
                        admin, row["account"], row["field"], take, row["customer"]
                    )
                except ActionRefused as refused:
                    self._cluster.counts[f"resolve_{refused.reason}"] += 1
                else:
                    self._cluster.counts["resolve_done"] += 1
                    self._outside.actions.add(position)

        await self._outside.insist(ask)

    async def _accept_above(self) -> None:
        async def ask(services: Services, gateway: Gateway) -> None:
            rows = await bulk_reviews.above(
                Admin.of(services, self.workspace, by="ada"), reviewed.ACCOUNTS, SURE
            )
            await self._review(rows, "ada", services, gateway)

        await self._outside.insist(ask)

    async def _decide(self, rows: Sequence[MappingDecision]) -> None:
        by = self._random.choice(PEOPLE)
        await self._outside.insist(lambda services, gateway: self._review(rows, by, services, gateway))

    async def _review(self, rows: Sequence[MappingDecision], by: str, services: Services, _: Gateway) -> None:
        admin = Admin.of(services, self.workspace, by=by)
        async for each in bulk_reviews.review(admin, rows):
            self._cluster.counts[f"{each.decision}_{each.reason or 'done'}"] += 1
            if each.position is not None:
                self._outside.actions.add(each.position)


def _suggested(connection: sa.Connection, workspace: str, account_id: str) -> str | None:
    """Return the ID of the customer that is suggested for an account, as the list of mappings shows it."""
    of_account = (
        _MAPPINGS.c.workspace == workspace,
        _MAPPINGS.c.kind == "account",
        _MAPPINGS.c.id == account_id,
    )
    text = connection.scalar(sa.select(_MAPPINGS.c.suggestion).where(*of_account))
    best = suggestion(text).best if text is not None else None
    return best.target if best is not None else None


def _targets(connection: sa.Connection, workspace: str) -> list[tuple[str, str]]:
    """Return the accounts with a customer, each with the customer's ID, as the list of mappings shows them."""
    mapped = (_MAPPINGS.c.workspace == workspace, _MAPPINGS.c.kind == "account", _MAPPINGS.c.state == MAPPED)
    rows = connection.execute(sa.select(_MAPPINGS.c.id, _MAPPINGS.c.target).where(*mapped))
    return sorted((row.id, row.target) for row in rows)
