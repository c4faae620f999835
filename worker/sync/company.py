"""The company as decisions need it: its name and preferences, with the lists that people choose from."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.contract import catalog, json
from events.contract.envelope import own_event
from events.contract.observed import LedgerAccountObserved, TaxCodeObserved, TermObserved
from events.contract.quickbooks import Named
from events.database import bulk
from events.database.locks import Lock, acquire
from events.log import log
from worker.commands.entities import Entity
from worker.commands.kinds.read_company import company_observed
from worker.sync.observing import SOURCE, known_of
from worker.sync.tables import observed, sync_readings
from worker.sync.versions import LastVersion

COMPANY = "CompanyInfo"
INCOME = "Income"
# The lists that a company's event carries.
LISTS = ("Term", "TaxCode", "Account")


class CompanyAnswer(Struct, frozen=True):
    """The company's `CompanyInfo` and `Preferences`."""

    info: Entity
    preferences: Entity


def record(
    connection: sa.Connection, realm: str, workspace: str, answer: CompanyAnswer, now: datetime
) -> bool:
    """Append the company as it is now, if it differs from the last time; return whether it does.

    Its lists are those that were observed; until all of them were read once, nothing is appended.
    """
    if not _are_lists_read(connection, realm):
        return False
    acquire(connection, Lock.LOG)
    fact = company_observed(
        realm,
        answer.info,
        answer.preferences,
        terms=_terms(connection, realm),
        tax_codes=_tax_codes(connection, realm),
        income_accounts=_income_accounts(connection, realm),
        now=now,
    )
    content = json.encode(fact)
    known = known_of(connection, realm, [(COMPANY, realm)]).get((realm, COMPANY, realm))
    if known is not None and known.content == content:
        return False
    row = _row(realm, known, content, now)
    event = own_event(
        catalog.COMPANY_OBSERVED,
        fact,
        workspace=workspace,
        source=SOURCE,
        time=now,
        id=f"{realm}/{COMPANY}/{realm}/{row.ordinal}",
    )
    log.append_own(connection, [event], now)
    bulk.upsert(connection, observed, [asdict(row)])
    return True


def _row(realm: str, known: LastVersion | None, content: str, now: datetime) -> LastVersion:
    return LastVersion(
        realm=realm,
        entity=COMPANY,
        entity_id=realm,
        ordinal=(known.ordinal if known else 0) + 1,
        sync_token=0,
        updated_at=None,
        asked_at=now,
        fate="present",
        content=content,
        refers_to=None,
        reading=0,
    )


def _are_lists_read(connection: sa.Connection, realm: str) -> bool:
    complete = connection.scalars(
        sa.select(sync_readings.c.entity).where(
            sync_readings.c.realm == realm,
            sync_readings.c.complete,
            sync_readings.c.problem.is_(None),
            sync_readings.c.entity.in_(LISTS),
        )
    )
    return set(LISTS) <= set(complete)


def _contents(connection: sa.Connection, realm: str, entity: str) -> list[str]:
    """Return the contents of the observed entries of a list, in the order of their IDs."""
    rows = connection.execute(
        sa.select(observed.c.entity_id, observed.c.content).where(
            observed.c.realm == realm, observed.c.entity == entity, observed.c.fate == "present"
        )
    )
    return [
        content
        for _, content in sorted(((row[0], row[1]) for row in rows), key=lambda row: (len(row[0]), row))
    ]


def _terms(connection: sa.Connection, realm: str) -> tuple[Named, ...]:
    terms = (json.decode(each, TermObserved) for each in _contents(connection, realm, "Term"))
    return tuple(Named(term.term_id, term.name) for term in terms if term.active)


def _tax_codes(connection: sa.Connection, realm: str) -> tuple[Named, ...]:
    codes = (json.decode(each, TaxCodeObserved) for each in _contents(connection, realm, "TaxCode"))
    return tuple(Named(code.tax_code_id, code.name) for code in codes if code.active)


def _income_accounts(connection: sa.Connection, realm: str) -> tuple[Named, ...]:
    accounts = (json.decode(each, LedgerAccountObserved) for each in _contents(connection, realm, "Account"))
    return tuple(
        Named(account.ledger_account_id, account.name)
        for account in accounts
        if account.active and account.type == INCOME
    )
