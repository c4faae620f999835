"""The review of suggested customers and items: accept, reject, override, ignore. A person's decision holds for ever.

Each decision is checked by the newest state, so that two people can't give two accounts one customer. Several products may
have one item.
"""

from events.contract.matching import CandidateCustomer, CandidateItem, MappingSuggested, ProductSuggested
from events.contract.values import Fact
from worker.actions.admin import ActionRefused, Admin
from worker.actions.recording import record
from worker.actions.reviewed import ChosenTarget, ReviewedKind
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.view import View

Suggestion = tuple[MappingSuggested | ProductSuggested, CandidateCustomer | CandidateItem]


async def map_to(
    admin: Admin,
    kind: ReviewedKind,
    subject: str,
    target: str,
    *,
    realm: str | None = None,
    currency: str | None = None,
    also: bool = False,
) -> int:
    """Map an account to a customer, or a product to an item, of the company `realm`, by default of the connected company.

    An account may be mapped for deals in one `currency`. With `also`, its customer is another account's, and this one is
    linked for invoices only.

    Raises:
        ActionRefused: The customer is another account's.
    """
    choice = ChosenTarget(subject, target, admin.by, realm, currency, also)
    return await record(admin, lambda view: kind.mapped(view, choice))


async def accept(
    admin: Admin, kind: ReviewedKind, subject: str, target: str | None = None, *, also: bool = False
) -> int:
    """Map an account or a product to its suggested target; a given `target` has to be the suggested one.

    Raises:
        ActionRefused: No suggestion waits for a person, it is another one, or the customer is another account's.
    """

    def decide(view: View) -> tuple[str, Fact]:
        suggested, best = _in_review(view, kind, subject)
        if target not in {None, best.target}:
            raise ActionRefused(
                "suggestion_changed",
                f"For the {kind.noun} {subject}, the {kind.target} {best.target} {best.target_name} is suggested now",
                kind.target,
            )
        return kind.mapped(view, ChosenTarget(subject, best.target, admin.by, suggested.realm, also=also))

    return await record(admin, decide)


async def reject(admin: Admin, kind: ReviewedKind, subject: str, target: str | None = None) -> int:
    """Reject a customer for an account, or an item for a product: it is never suggested for it again.

    By default, that is the suggested one, or the one that the worker linked by itself.

    Raises:
        ActionRefused: No suggestion waits for a person, no company is connected, a person mapped the account or product to
            the target, or one is being created for it.
    """

    def decide(view: View) -> tuple[str, Fact]:
        state, realm = view.get(kind.state, subject), view.get(WorkspaceState).realm
        name = kind.name(view, subject)
        if state.is_unanswered or (state.attempt is not None and state.attempt.is_open):
            raise ActionRefused(
                f"{kind.target}_being_created",
                f"{kind.a_target.capitalize()} is being created for the {kind.noun} {name}: wait until it is known, or map"
                f" the {kind.noun} to another one",
            )
        if realm is None:
            raise ActionRefused("not_connected", "No QuickBooks company is connected yet")
        chosen, by_itself = state.chosen_in(realm), state.by_itself_in(realm)
        rejected = target or (by_itself if not chosen else None)
        if rejected is None:
            rejected = _in_review(view, kind, subject)[1].target
        if rejected in chosen:
            raise ActionRefused(
                f"{kind.noun}_mapped",
                f"The {kind.noun} {name} is mapped to {kind.target} {rejected}: map it to another one instead",
            )
        event_type, fact = kind.rejected
        return event_type, fact(subject, realm, rejected, admin.by, state.evidence(realm, rejected))

    return await record(admin, decide)


async def ignore(admin: Admin, kind: ReviewedKind, subject: str, why: str | None = None) -> int:
    """Record that an account gets no customer, or a product no item.

    Raises:
        ActionRefused: It has one.
    """

    def decide(view: View) -> tuple[str, Fact]:
        state, realm = view.get(kind.state, subject), view.get(WorkspaceState).realm
        present = state.target_in(realm)
        if present is not None:
            raise ActionRefused(
                f"{kind.noun}_mapped",
                f"The {kind.noun} {kind.name(view, subject)} is mapped to {kind.target} {present}, so it can't be ignored",
            )
        event_type, fact = kind.ignored
        return event_type, fact(subject, admin.by, why)

    return await record(admin, decide)


async def unignore(admin: Admin, kind: ReviewedKind, subject: str) -> int:
    """Record that an account or a product is no longer ignored.

    Raises:
        ActionRefused: It is not ignored.
    """

    def decide(view: View) -> tuple[str, Fact]:
        if view.get(kind.state, subject).ignored_by is None:
            raise ActionRefused("not_ignored", f"The {kind.noun} {kind.name(view, subject)} is not ignored")
        event_type, fact = kind.unignored
        return event_type, fact(subject, admin.by)

    return await record(admin, decide)


def _in_review(view: View, kind: ReviewedKind, subject: str) -> Suggestion:
    """Return the suggestion that waits for a person, with the suggested customer or item."""
    suggested = view.get(kind.state, subject).in_review(view.get(WorkspaceState).realm)
    best = suggested.best if suggested is not None else None
    if suggested is None or best is None:
        raise ActionRefused(
            "nothing_suggested",
            f"No {kind.target} is suggested for the {kind.noun} {kind.name(view, subject)}, or it was decided upon",
        )
    return suggested, best
