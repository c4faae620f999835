"""Encrypt secrets at rest: AES-256-GCM, with the key's ID in the record and the owner's name as associated data."""

import base64
import binascii
import hashlib
from collections.abc import Collection, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.clock import Entropy
from events.errors import UserError
from worker.runtime.environment import TOKEN_KEY_BYTES, ConfigurationError, Environment

KEY_ID_BYTES = 4
NONCE_BYTES = 12


class Unsealable(UserError):
    """A sealed record can't be opened: its key is not among ours, or it was sealed for another owner."""


class KeyRetired(Unsealable):
    """The key that this process seals with was retired; the process has to restart with other keys."""


class Vault:
    """Seals with the newest key; opens a record with the key that sealed it."""

    def __init__(self, keys: Sequence[str], entropy: Entropy) -> None:
        if not keys:
            raise ConfigurationError("Q2C_TOKEN_KEYS: at least one key is needed")
        decoded = [_decoded(key, place) for place, key in enumerate(keys, start=1)]
        self.key_ids = tuple(_key_id(key).hex() for key in decoded)
        self._newest = _key_id(decoded[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in decoded}
        self._entropy = entropy

    def seal(self, secret: bytes, owner: str) -> bytes:
        """Encrypt a secret for its owner, such as a realm; another owner's record does not open in its place.

        Raises:
            KeyRetired: The newest key is retired.
        """
        cipher = self._ciphers.get(self._newest)
        if cipher is None:
            raise KeyRetired(retired_words(self.key_ids[0]))
        nonce = self._entropy.nonce(NONCE_BYTES)
        sealed = cipher.encrypt(nonce, secret, owner.encode())
        return self._newest + nonce + sealed

    def open(self, record: bytes, owner: str) -> bytes:
        """Decrypt a record.

        Raises:
            Unsealable: No key of ours sealed it, or it was sealed for another owner.
        """
        key_id, nonce = record[:KEY_ID_BYTES], record[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unsealable(
                f"The secret of {owner} is encrypted with key {key_id.hex()}, which is not in Q2C_TOKEN_KEYS"
            )
        try:
            return cipher.decrypt(nonce, record[KEY_ID_BYTES + NONCE_BYTES :], owner.encode())
        except InvalidTag as error:
            raise Unsealable(
                f"The encrypted secret of {owner} was changed, or belongs to another owner"
            ) from error

    def retire(self, key_ids: Collection[str]) -> bool:
        """Stop sealing and opening with some keys; return whether the newest key is among them."""
        for key_id in key_ids:
            self._ciphers.pop(bytes.fromhex(key_id), None)
        return self._newest not in self._ciphers

    def is_current(self, record: bytes) -> bool:
        """Return whether the newest key sealed a record; if not, a rotation has to seal it again."""
        return record[:KEY_ID_BYTES] == self._newest


def key_id_of(record: bytes) -> str:
    """Return the ID of the key that sealed a record."""
    return record[:KEY_ID_BYTES].hex()


def retired_words(key_id: str) -> str:
    """Return the error message about a retired key, with the remedy."""
    return f"Key {key_id} was retired while this process ran; remove it from Q2C_TOKEN_KEYS, and restart the process"


def check_token_keys(settings: Environment) -> None:
    """Check the form of the keys in the environment.

    Raises:
        ConfigurationError: A key is malformed.
    """
    for place, key in enumerate(settings.token_keys, start=1):
        _decoded(key.get_secret_value(), place)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"q2c key id" + key).digest()[:KEY_ID_BYTES]


def _decoded(key: str, place: int) -> bytes:
    try:
        padded = key + "=" * (-len(key) % 4)
        # The lenient decoder skips invalid characters, and would turn a mistyped key into another key.
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != TOKEN_KEY_BYTES:
        raise ConfigurationError(f"Q2C_TOKEN_KEYS: key {place} is not {TOKEN_KEY_BYTES} bytes as base64url")
    return decoded
