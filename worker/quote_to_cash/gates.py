"""A gate as it stands for a deal."""

from msgspec import Struct

from events.announcements import UnmetGate
from events.gates import CASES, GATES, GateText


class Gate(Struct, frozen=True):
    """One gate as it stands for a deal; `case` is why it is shut, where that has its own words."""

    code: str
    met: bool = True
    detail: str = ""
    case: str | None = None

    @property
    def reason(self) -> str:
        """Why it is shut, in a sentence."""
        return self._text.reason.format(detail=self.detail)

    @property
    def remedy(self) -> str:
        """What opens it, in a sentence."""
        return self._text.remedy

    @property
    def _text(self) -> GateText:
        return GATES[self.code] if self.case is None else CASES[self.case]

    def announced(self) -> UnmetGate:
        """Return it as the CRM is told."""
        return UnmetGate(self.code, self.reason, self.remedy)
