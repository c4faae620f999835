"""The record of a gate: its code, its check, the streams that it depends on, and its sentences."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from events.contract.announcements import HeldGate, UnmetGate
from events.contract.gates import Action, Words
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.texts import shown

PARAMETER_CHARACTERS_MAX = 1000  # parameters are part of events, and may come from long fields of the CRM


class Unmet(Struct, frozen=True):
    """The cause of an unmet gate.

    Attributes:
        params: The values that the gate's sentences name, by parameter.
        case: The code of the cause, if it has sentences of its own.
        about: The streams that the action applies to, such as `account/A-9`, if not the deal.
    """

    params: dict[str, str] = {}
    case: str | None = None
    about: tuple[str, ...] = ()


class Gate(Struct, frozen=True):
    """A condition that an invoice waits on.

    Attributes:
        code: Its stable code, used by the CRM, scripts and people.
        check: Returns True if it is met, the cause (or False) if not, and None if there is nothing to check.
        words: The sentences that a person reads while it is unmet, and the action that opens it.
        depends_on: The kinds of streams whose events may change it.
        given: Returns whether enough is known to check it; None if it can always be checked.
        cases: The sentences of causes that have their own, by the code of the cause.
    """

    code: str
    check: Callable[[Inquiry], bool | Unmet | None]
    words: Words
    depends_on: tuple[str, ...] = ("deal",)
    given: Callable[[Inquiry], bool] | None = None
    cases: Mapping[str, Words] = {}

    def words_of(self, case: str | None) -> Words:
        """Return the sentences of a case; the gate's own sentences if the case has none."""
        return self.cases.get(case, self.words) if case else self.words

    def checked(self, inquiry: Inquiry) -> "Checked | None":
        """Check the gate for a deal; None if it can't be checked, or there is nothing to check."""
        if self.given is not None and not self.given(inquiry):
            return None
        found = self.check(inquiry)
        if found is None or found is True:
            return None if found is None else Checked(self)
        return Checked(self, found or Unmet())


class Checked(Struct, frozen=True):
    """The result of checking a gate for a deal; `unmet` is the cause if it is unmet."""

    gate: Gate
    unmet: Unmet | None = None

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.unmet is None

    @property
    def code(self) -> str:
        """The gate's code."""
        return self.gate.code

    @property
    def case(self) -> str | None:
        """The code of the cause, if it has sentences of its own."""
        return self.unmet.case if self.unmet else None

    @property
    def params(self) -> dict[str, str]:
        """The values that its sentences name, each truncated to the length that an event allows."""
        params = self.unmet.params if self.unmet else {}
        return {name: shown(value, PARAMETER_CHARACTERS_MAX) for name, value in params.items()}

    @property
    def reason(self) -> str:
        """A sentence: why the gate is unmet."""
        return self._words.reason_with(self.params)

    @property
    def remedy(self) -> str:
        """A sentence: how a person can open the gate."""
        return self._words.remedy

    @property
    def action(self) -> Action:
        """The remedy as a code."""
        return self._words.action

    @property
    def about(self) -> tuple[str, ...]:
        """The streams that the action applies to, if not the deal."""
        return self.unmet.about if self.unmet else ()

    @property
    def _words(self) -> Words:
        return self.gate.words_of(self.case)

    def announced(self) -> HeldGate:
        """Return the unmet gate as the CRM gets it, with its sentences."""
        return HeldGate(
            self.code, self.action, self.case, self.params, self.about, reason=self.reason, remedy=self.remedy
        )

    def recorded(self) -> UnmetGate:
        """Return the unmet gate as our own events store it, without sentences."""
        return UnmetGate(self.code, self.action, self.case, self.params, self.about)
