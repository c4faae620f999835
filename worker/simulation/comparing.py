"""Compare QuickBooks' books, and the announcements to the CRM and reporting, with the story."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from events.contract import catalog
from events.log.tables import log
from projections.deals import deals
from worker.commands.identity import marker
from worker.demo import announced, created, expected, market, story
from worker.demo.expected import AppliedSettings, CompanyBooks, Entity
from worker.demo.story import Tale
from worker.simulation.companies import INCOME_ACCOUNT
from worker.simulation.outside import Outside
from worker.simulation.telling import Telling
from worker.workspaces.kinds import REAL_TIME

# By then, invoicing was on before the first deal was won, where switching it on is the cut-over.
SWITCHED_ON_SECONDS_MAX = 60.0


class Comparison:
    """Compares one workspace."""

    def __init__(self, connection: sa.Connection, outside: Outside, telling: Telling) -> None:
        self._connection = connection
        self._outside = outside
        self._telling = telling
        self._workspace = telling.workspace
        self._all_chosen: list[dict[str, str]] = []
        self._first_on_seconds = 0.0  # by the log: after a restore, invoicing is switched on again
        realm = outside.realms[telling.workspace]
        company = outside.cluster.sandbox.companies[realm]
        self._company = CompanyBooks(
            workspace=telling.workspace,
            realm=realm,
            traits=company.traits,
            books=company.books(),
            accounts=telling.accounts,
            customers=telling.customers,
            items=telling.items,
            income_account=INCOME_ACCOUNT,
        )

    def violations(self) -> Iterator[str]:
        """Yield the differences from the story."""
        chosen = self._chosen()
        messages = announced.read(self._connection, self._workspace)
        gates = self._gates()
        for tale in self._telling.tales:
            found = expected.invoices_of(tale, self._company)
            invoice = found[0] if found else None
            if self._may_be_held(tale) and not found:
                continue
            yield from self._named(tale, self._counted(tale, found))
            for one in found:
                yield from self._named(tale, self._of(tale, one, _by_mark(one, chosen)))
            yield from self._named(
                tale, announced.problems(tale, self._company, invoice, messages.get(tale.deal_id, []))
            )
            if (gate := gates.get(tale.deal_id)) not in (tale.gates or (None,)):
                yield f"I1: {self._workspace}/{tale.deal_id} ({tale.twist}) waits at {gate}, not at {tale.gates}"
        yield from (f"I1: {self._workspace}: {problem}" for problem in self._created())
        yield from self._elsewhere()

    def _named(self, tale: Tale, problems: Iterator[str]) -> Iterator[str]:
        return (f"I1: {self._workspace}/{tale.deal_id} ({tale.twist}): {problem}" for problem in problems)

    def _counted(self, tale: Tale, found: list[Entity]) -> Iterator[str]:
        wanted = 1 if tale.expects_invoice else 0
        if len(found) != wanted:
            yield f"{len(found)} invoices instead of {wanted}"

    def _of(self, tale: Tale, invoice: Entity, chosen: Sequence[Mapping[str, str]] | None) -> Iterator[str]:
        if self._outside.cluster.counts["restore"]:
            # An adopted invoice was made with the settings from before the store was restored, and may have been
            # commanded only then.
            held = [*(chosen or ()), *self._all_chosen]
            found = [list(self._says(tale, invoice, settings)) for settings in held]
            yield from min(found, key=len)
            return
        if chosen is None:
            yield "its invoice was not commanded"
            return
        yield from min((list(self._decided(tale, invoice, settings)) for settings in chosen), key=len)

    def _decided(self, tale: Tale, invoice: Entity, settings: Mapping[str, str]) -> Iterator[str]:
        """Yield the differences of an invoice that was decided by these settings."""
        if settings.get("auto_invoice") != "true" and not settings.get("requested"):
            yield "it was invoiced while invoicing was off"
        if settings.get("paused") == "true":
            yield "its invoice was commanded during a pause"
        at_once = settings.get("sync_frequency", REAL_TIME) == REAL_TIME or settings.get("requested")
        if not at_once and not settings.get("in_batch"):
            yield "its invoice was commanded before its batch"
        yield from self._says(tale, invoice, settings)

    def _says(self, tale: Tale, invoice: Entity, settings: Mapping[str, str]) -> Iterator[str]:
        began = self._outside.plan.start + timedelta(seconds=self._telling.first_sent_at[tale.deal_id])
        made = datetime.fromisoformat(invoice["MetaData"]["CreateTime"])
        wrong = timedelta(seconds=self._outside.cluster.watch.clocks_wrong_seconds)
        chosen = AppliedSettings(
            memo=settings.get("memo"),
            terms=settings.get("terms"),
            time_zone=settings.get("time_zone"),
            since=began - wrong,
            until=made + wrong,
        )
        yield from expected.problems(tale, invoice, self._company, chosen)

    def _may_be_held(self, tale: Tale) -> bool:
        """Return whether the deal may have been won before invoicing was first switched on, which may be late."""
        by_default = self._outside.plan.companies[self._workspace].cut_over_ago is None
        late = max(self._telling.switched_on_at or 0.0, self._first_on_seconds) > SWITCHED_ON_SECONDS_MAX
        return by_default and late and bool(tale)

    def _chosen(self) -> dict[str, list[dict[str, str]]]:
        """Return the settings by which each invoice may have been commanded, by the invoice's mark.

        Those are the settings at its cause, and any that followed until it was commanded: a deal that is reconsidered in
        a portion is decided by the settings of that time.
        """
        rows = self._connection.execute(
            sa.select(log.c.time, log.c.id, log.c.type, log.c.extensions, log.c.data)
            .where(log.c.workspace == self._workspace)
            .order_by(log.c.position)
        ).all()
        at: dict[str, int] = {}
        ticks: set[str] = set()
        history: list[dict[str, str]] = [{}]
        commanded: dict[str, list[dict[str, str]]] = {}
        for time, event_id, kind, extensions, data in rows:
            if kind == catalog.SETTINGS_CHANGED:
                changes = msgspec.json.decode(data)["changes"]
                if not self._first_on_seconds and changes.get("auto_invoice") == "true":
                    self._first_on_seconds = (time - self._outside.plan.start).total_seconds()
                history.append({**history[-1], **changes})
                self._all_chosen.append(history[-1])
            at.setdefault(event_id, len(history) - 1)
            if kind == catalog.SYNC_DUE:
                ticks.add(event_id)
            if kind == catalog.INVOICE_COMMANDED:
                said: dict[str, Any] = msgspec.json.decode(data)
                known = extensions if isinstance(extensions, dict) else msgspec.json.decode(extensions)
                by_hand = {"requested": "true"} if said.get("requests") else {}
                cause = known["causationid"]
                of_tick = {"in_batch": "true"} if cause in ticks else {}
                since = history[at[cause] :]
                commanded[marker(said["request_id"])] = [settings | by_hand | of_tick for settings in since]
        return commanded

    def _gates(self) -> dict[str, str | None]:
        rows = self._connection.execute(
            sa.select(deals.c.deal, deals.c.gate).where(deals.c.workspace == self._workspace)
        )
        return {row.deal: row.gate for row in rows}

    def _created(self) -> Iterator[str]:
        # An object that no deal waits for may have been created in a company that was connected meanwhile.
        certain = [tale for tale in self._telling.tales if tale.expects_invoice or not self._outside.others]
        wanted = {tale.account_id for tale in certain if tale.twist != "account_unmapped"}
        for account in sorted(wanted - self._telling.customers.keys()):
            yield from created.customer_problems(self._telling.accounts[account], self._company)
        known = {*self._telling.items, market.UNMAPPED_PRODUCT[0]}
        lines = [line for line in story.lines(certain) if line["product_id"] not in known]
        if self._outside.plan.companies[
            self._workspace
        ].creates_items:  # also the item that no person requested
            lines += story.lines([tale for tale in certain if tale.expects_invoice])
        yield from created.item_problems(lines, self._company)

    def _elsewhere(self) -> Iterator[str]:
        """Check that a company that was connected meanwhile has none of our invoices."""
        other = self._outside.others.get(self._workspace)
        if other is None:
            return
        for invoice in self._outside.cluster.sandbox.companies[other].every("Invoice"):
            yield f"I1: {self._workspace}: {invoice.get('PrivateNote')!r} is in the other company's books"


def _by_mark(
    invoice: Entity, chosen: Mapping[str, Sequence[Mapping[str, str]]]
) -> Sequence[Mapping[str, str]] | None:
    note = str(invoice.get("PrivateNote"))
    return next((settings for mark, settings in chosen.items() if mark in note), None)
