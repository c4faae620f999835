"""The keys that DocuSign makes for Connect: it generates each one, lets nobody choose it, and signs with all that are active."""

import base64
from random import Random

KEY_BYTES = 32
KEYS_AT_FIRST = 2


class ConnectKeys:
    """The keys of one DocuSign account, by number.

    Args:
        random: Where keys come from; the same seed gives the same keys.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self.all: dict[int, str] = {}
        self._inactive: set[int] = set()
        self._made = 0
        for _ in range(KEYS_AT_FIRST):
            self.make()

    @property
    def active(self) -> list[str]:
        """The keys that messages are signed under, in the order of the signature headers."""
        return [key for number, key in self.all.items() if number not in self._inactive]

    def make(self) -> int:
        """Make another key; return its number. Base64 of 32 bytes ends with an equals sign."""
        self._made += 1
        self.all[self._made] = base64.b64encode(self._random.randbytes(KEY_BYTES)).decode()
        return self._made

    def switch(self, number: int, *, active: bool) -> None:
        """Have a key sign, or no longer."""
        (self._inactive.discard if active else self._inactive.add)(number)

    def remove(self, number: int) -> None:
        """Take a key away for good."""
        del self.all[number]
        self._inactive.discard(number)

    def shown(self, number: int) -> dict[str, object]:
        """Return a key as the control API shows it."""
        return {"number": number, "key": self.all[number], "active": number not in self._inactive}
