"""What a gate is: one record with its code, its check, what moves it, and its words."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from events.contract.announcements import HeldGate, UnmetGate
from events.contract.gates import Action, Words
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.texts import shown

PARAMETER_CHARACTERS_MAX = 1000  # a parameter travels in events, whatever was put into the CRM's fields


class Unmet(Struct, frozen=True):
    """Why a gate is unmet.

    Attributes:
        params: What the gate's sentences name, by the names of the parameters.
        case: The case of the gate's that it is, where it has its own words.
        about: The streams that something is to be done to, such as `account/A-9`, if that is not the deal.
    """

    params: dict[str, str] = {}
    case: str | None = None
    about: tuple[str, ...] = ()


class Gate(Struct, frozen=True):
    """A condition that an invoice waits on.

    Attributes:
        code: Stable: the CRM, scripts and people know the gate by it.
        check: True where it is met, else why not; nothing where there is nothing to check.
        words: What a person reads while it is unmet, and the action that opens it.
        depends_on: The kinds of stream whose events move it.
        given: What has to be known before it can be checked; nothing if it always can.
        cases: Causes that have words of their own.
    """

    code: str
    check: Callable[[Inquiry], bool | Unmet | None]
    words: Words
    depends_on: tuple[str, ...] = ("deal",)
    given: Callable[[Inquiry], bool] | None = None
    cases: Mapping[str, Words] = {}

    def words_of(self, case: str | None) -> Words:
        """Return the words of a case; those of the gate, if the case has none."""
        return self.cases.get(case, self.words) if case else self.words

    def checked(self, inquiry: Inquiry) -> "Checked | None":
        """Check it for a deal; nothing if it can't be checked, or there is nothing to check."""
        if self.given is not None and not self.given(inquiry):
            return None
        found = self.check(inquiry)
        if found is None or found is True:
            return None if found is None else Checked(self)
        return Checked(self, found or Unmet())


class Checked(Struct, frozen=True):
    """A gate as it stands for a deal."""

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
        """The case that it is unmet for, where that has its own words."""
        return self.unmet.case if self.unmet else None

    @property
    def params(self) -> dict[str, str]:
        """What its sentences name, each value as long as an event has room for."""
        params = self.unmet.params if self.unmet else {}
        return {name: shown(value, PARAMETER_CHARACTERS_MAX) for name, value in params.items()}

    @property
    def reason(self) -> str:
        """Why it is unmet, in a sentence."""
        return self._words.reason_with(self.params)

    @property
    def remedy(self) -> str:
        """What opens it, in a sentence."""
        return self._words.remedy

    @property
    def action(self) -> Action:
        """What opens it, as a code."""
        return self._words.action

    @property
    def about(self) -> tuple[str, ...]:
        """The streams that something is to be done to, if that is not the deal."""
        return self.unmet.about if self.unmet else ()

    @property
    def _words(self) -> Words:
        return self.gate.words_of(self.case)

    def announced(self) -> HeldGate:
        """Return it as the CRM gets it."""
        return HeldGate(
            self.code, self.action, self.case, self.params, self.about, reason=self.reason, remedy=self.remedy
        )

    def recorded(self) -> UnmetGate:
        """Return it as our own events carry it."""
        return UnmetGate(self.code, self.action, self.case, self.params, self.about)
