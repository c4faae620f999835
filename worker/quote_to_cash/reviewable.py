"""The state that accounts and products share: targets in QuickBooks are suggested, chosen, rejected or created for them."""

from abc import abstractmethod
from typing import Generic, TypeVar

from events.contract.matching import MappingEvidence, MappingSuggested, ProductSuggested
from events.contract.unmatched import (
    AccountUnmatched,
    ComparisonRequested,
    ProductComparisonRequested,
    ProductUnmatched,
)
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.view import State

S = TypeVar("S", bound=MappingSuggested | ProductSuggested)


class Reviewable(State, Generic[S], frozen=True):
    """An account, whose targets are customers, or a product, whose targets are items.

    Attributes:
        requests: How many targets people requested for it.
        withdrawn: How many of these requests were withdrawn, because a person mapped or ignored it.
        suggested: The last suggestion of the matcher.
        rejected: The companies and IDs of the targets that people rejected for it.
        ignored_by: The person who said that it gets no target, unless that was taken back.
        unmatched: The last answer to a request to compare it once more: no target is like it.
        attempt: The command to create its target.
        compared: The last request to compare it once more, before its target is created without a person.
    """

    requests: int = 0
    withdrawn: int = 0
    suggested: S | None = None
    rejected: tuple[tuple[str, str], ...] = ()
    ignored_by: str | None = None
    unmatched: AccountUnmatched | ProductUnmatched | None = None

    attempt: Attempt | None = None
    compared: ComparisonRequested | ProductComparisonRequested | None = None

    @abstractmethod
    def chosen_in(self, realm: str | None) -> tuple[str, ...]:
        """Return its targets in a realm, in any if it is None, that people mapped it to or that were created for it."""

    @abstractmethod
    def by_itself_in(self, realm: str | None) -> str | None:
        """Return the target in a realm that it was linked to without a person, unless a person has decided otherwise."""

    @abstractmethod
    def present(self, realm: str | None, target: str) -> str:
        """Return the target that a mapping to a target is of now: merges may have moved it."""

    def target_in(self, realm: str | None) -> str | None:
        """Return a target in a realm, in any if it is None: one that people chose, or else one that the worker linked by itself."""
        return next(iter(self.chosen_in(realm)), None) or self.by_itself_in(realm)

    @property
    def is_unanswered(self) -> bool:
        """Whether a person's request for a target is answered neither by a mapping nor by a command."""
        return self.requests > max(self.withdrawn, self.attempt.asked if self.attempt else 0)

    def is_overruled(self, realm: str | None) -> bool:
        """Return whether a person ignored it, or awaits a requested target: then no link counts that no person made."""
        attempt = self.attempt
        creates = attempt is not None and attempt.is_open and realm in (None, attempt.realm)
        return self.ignored_by is not None or self.is_unanswered or creates

    def evidence(self, realm: str | None, target: str) -> MappingEvidence | None:
        """Return what the matcher said last of a target in a realm; None if it was no candidate."""
        suggested = self.suggested
        return suggested.evidence(target) if suggested is not None and suggested.realm == realm else None

    def in_review(self, realm: str | None) -> S | None:
        """Return the suggestion that waits for a person, of a target in a realm; None if there is none.

        A person's decision ends the review: a mapping, a request for a new target, a rejection, or ignoring.
        """
        best = self.suggested.best if self.suggested is not None else None
        if self.suggested is None or best is None or self.suggested.realm != realm:
            return None
        is_decided = self.ignored_by is not None or self.is_unanswered or self.target_in(realm) is not None
        attempt = self.attempt
        creates = (
            attempt is not None and attempt.realm == realm and (attempt.is_open or attempt.holder is not None)
        )
        of = {best.target, self.present(realm, best.target)}
        is_rejected = any((realm, target) in self.rejected for target in of)
        return None if is_decided or creates or is_rejected else self.suggested

    def is_being_compared(self, realm: str) -> bool:
        """Return whether a request to compare it with the targets of a company once more has no answer yet."""
        if self.compared is None or self.compared.realm != realm:
            return False
        return self.unmatched is None or self.unmatched.number < self.compared.number

    def is_unlike_all(self, realm: str) -> bool:
        """Return whether the last request to compare it with the targets of a company was answered: none is like it."""
        answer = self.unmatched
        return answer is not None and answer.realm == realm and not self.is_being_compared(realm)
