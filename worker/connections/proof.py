"""What QuickBooks says about unproven tokens: whose they are, and whether they can be used. Only reads are sent.

A definite refusal of a read says that a right is missing. A right to write is not checked, since only a write could tell: it
shows at the first one, as does a right whose read got no answer.
"""

from collections.abc import Sequence
from http import HTTPStatus

from msgspec import Struct

from events.contract.administration import ConsentProblem, PlanLimit
from events.contract.gates import REFUSED_COMPANY
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import (
    COMPANY_UNAVAILABLE,
    LACK_OF_RIGHTS,
    WRONG_APPLICATION,
    CompanyBlocked,
    QuickBooksError,
    Rejected,
    Unauthorized,
)
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.replies import Entity

# QuickBooks sometimes refuses even fresh tokens, so only this many refusals count.
REFUSALS = 3
NOT_LET_IN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
# The entities that invoicing reads, and their names in a sentence.
NEEDED = {
    "Invoice": "invoices",
    "Customer": "customers",
    "Item": "products and services",
    "Account": "the chart of accounts",
    "Payment": "payments",
}
ONE_CURRENCY = "simple start"
AGAIN = "then start again with q2c connect"
# By QuickBooks' code: the code of the problem, and its remedy.
_BLOCKED: dict[str, tuple[ConsentProblem, str]] = {
    COMPANY_UNAVAILABLE: ("subscription_lapsed", "Renew the subscription in QuickBooks"),
    LACK_OF_RIGHTS: (
        "insufficient_rights",
        "Consent as an admin of the company, or give the user the rights in QuickBooks",
    ),
    WRONG_APPLICATION: (
        "wrong_environment",
        "Use the app's keys for the company's environment, production or sandbox",
    ),
}


class Unanswered(Exception):
    """There was no conclusive answer; the step is retried."""


class NotProven(Exception):
    """The tokens do not connect the company; the message says why, and what to do.

    Attributes:
        problem: The code of the reason.
        unreadable: The entities that the user who consented may not read.
        of_other_company: Whether QuickBooks said that the tokens belong to another company than the callback named.
    """

    def __init__(
        self,
        message: str,
        problem: ConsentProblem,
        *,
        unreadable: Sequence[str] = (),
        of_other_company: bool = False,
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.unreadable = tuple(unreadable)
        self.of_other_company = of_other_company


class ProvenCompany(Struct, frozen=True):
    """A company that QuickBooks has shown with the tokens of a consent.

    Attributes:
        realm: Its ID.
        name: Its name.
        plan: Its plan, such as `QuickBooks Online Plus`, if QuickBooks tells it.
    """

    realm: str
    name: str
    plan: str | None

    @property
    def lacks(self) -> tuple[PlanLimit, ...]:
        """What its plan lacks of the features that the worker can use."""
        return ("multicurrency",) if self.plan and ONE_CURRENCY in self.plan.casefold() else ()


async def company_of(client: QuickBooksClient, grant: PendingGrant, access_token: str) -> ProvenCompany:
    """Read the company with the tokens of a consent, and everything that its user has to be able to read.

    The plan is told, and refuses nothing: QuickBooks has told a wrong one for months (its .NET SDK's issue 354), so
    what a company lacks is found by the reads.

    Raises:
        NotProven: QuickBooks refuses the tokens or the company, or the user lacks a right.
        Unanswered: There was no conclusive answer.
    """
    found = await _company_info(client, grant, access_token)
    unreadable = await _unreadable(client, grant.realm, access_token)
    if unreadable:
        named = ", ".join(NEEDED[entity] for entity in unreadable)
        raise NotProven(
            f"QuickBooks does not let the user who consented read {named}: consent as an admin of the company, or give"
            f" the user the right in QuickBooks, {AGAIN}",
            "insufficient_rights",
            unreadable=unreadable,
        )
    name = found.get("CompanyName")
    return ProvenCompany(
        grant.realm, str(name) if name else f"QuickBooks company {grant.realm}", _plan(found)
    )


async def _company_info(client: QuickBooksClient, grant: PendingGrant, access_token: str) -> Entity:
    """Read the company's `CompanyInfo` with the tokens; an answer proves that the tokens belong to it."""
    try:
        return await client.prove(grant.realm, access_token)
    except Unauthorized as problem:
        if grant.attempts + 1 < REFUSALS:
            raise Unanswered(str(problem)) from problem
        said = f"QuickBooks does not accept these tokens for company {grant.realm}: {problem}"
        raise NotProven(said, "tokens_refused", of_other_company=problem.of_other_company) from problem
    except CompanyBlocked as problem:
        raise _blocked(problem) from problem
    except Rejected as problem:
        if problem.status not in NOT_LET_IN:
            raise Unanswered(str(problem)) from problem
        raise NotProven(str(problem), "refused_by_quickbooks") from problem
    except QuickBooksError as problem:
        raise Unanswered(str(problem)) from problem


async def _unreadable(client: QuickBooksClient, realm: str, access_token: str) -> list[str]:
    """Return the entities that the user may not read, as far as QuickBooks answers.

    A read without an answer is not repeated: under a rate limit, a consent would never end. What it would have told shows
    when the entity is first read.
    """
    found = []
    for entity in NEEDED:
        try:
            if not await _may_read(client, realm, entity, access_token):
                found.append(entity)
        except Unanswered:
            break
    return found


async def _may_read(client: QuickBooksClient, realm: str, entity: str, access_token: str) -> bool:
    """Return whether the user may read an entity."""
    try:
        await client.try_reading(realm, entity, access_token)
    except CompanyBlocked as problem:
        if problem.code != LACK_OF_RIGHTS:
            raise _blocked(problem) from problem
        return False
    except Rejected as problem:
        # Any other refusal has a reason of its own, such as another object's bad e-mail address.
        return problem.status not in NOT_LET_IN
    except QuickBooksError as problem:
        raise Unanswered(str(problem)) from problem
    return True


def _blocked(problem: CompanyBlocked) -> NotProven:
    words = REFUSED_COMPANY[problem.gate]
    said = words.reason_with({"message": problem.explanation}).rstrip(".")
    code, remedy = _BLOCKED[problem.code]
    return NotProven(f"{said}. {remedy}, {AGAIN}", code)


def _plan(company_info: Entity) -> str | None:
    """Return the value of `OfferingSku` among the named values of a `CompanyInfo`; None if there is none."""
    listed = company_info.get("NameValue")
    for pair in listed if isinstance(listed, list) else ():
        if (
            isinstance(pair, dict)
            and pair.get("Name") == "OfferingSku"
            and isinstance(pair.get("Value"), str)
        ):
            return pair["Value"].strip() or None
    return None
