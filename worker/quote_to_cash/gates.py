"""A gate as it stands for a deal."""

from msgspec import Struct

from events.announcements import UnmetGate
from events.gates import CASES, GATES, GateText

NAME_CHARACTERS_MAX = 100
DETAIL_CHARACTERS_MAX = 1000  # a reason travels in events, whatever was put into the CRM's fields


def shown(text: str, characters_max: int = NAME_CHARACTERS_MAX) -> str:
    """Return a text as a sentence has room for it."""
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"


class Gate(Struct, frozen=True):
    """One gate as it stands for a deal; `case` is why it is shut, where that has its own words."""

    code: str
    met: bool = True
    detail: str = ""
    case: str | None = None

    @property
    def reason(self) -> str:
        """Why it is shut, in a sentence."""
        return self._text.reason.format(detail=shown(self.detail, DETAIL_CHARACTERS_MAX))

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
