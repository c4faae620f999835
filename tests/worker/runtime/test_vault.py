import base64

import pytest

from tests.worker.quickbooks.intuit import KEY, OLDER_KEY
from worker.runtime.environment import ConfigurationError
from worker.runtime.vault import Unsealable, Vault
from worker.simulation.ports import SeededEntropy


def vault(*keys: str) -> Vault:
    return Vault(keys, SeededEntropy())


def test_a_sealed_secret_opens_again_and_is_not_legible() -> None:
    sealed = vault(KEY).seal(b"CANARY", "realm:1")
    assert b"CANARY" not in sealed
    assert vault(KEY).open(sealed, "realm:1") == b"CANARY"


def test_a_record_of_another_owner_does_not_open() -> None:
    sealed = vault(KEY).seal(b"CANARY", "realm:1")
    with pytest.raises(Unsealable, match="realm:2"):
        vault(KEY).open(sealed, "realm:2")


def test_rotation_without_downtime() -> None:
    before = vault(OLDER_KEY)
    sealed = before.seal(b"CANARY", "realm:1")
    during = vault(KEY, OLDER_KEY)
    assert during.open(sealed, "realm:1") == b"CANARY"
    assert not during.is_current(sealed)
    resealed = during.seal(b"CANARY", "realm:1")
    assert during.is_current(resealed)
    assert vault(KEY).open(resealed, "realm:1") == b"CANARY"


def test_a_key_that_is_gone_is_named_by_its_id_only() -> None:
    sealed = vault(OLDER_KEY).seal(b"CANARY", "realm:1")
    with pytest.raises(Unsealable, match="not in Q2C_TOKEN_KEYS") as caught:
        vault(KEY).open(sealed, "realm:1")
    assert OLDER_KEY not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17])
def test_a_record_cut_short_is_unsealable(size: int) -> None:
    sealed = vault(KEY).seal(b"CANARY", "realm:1")
    with pytest.raises(Unsealable):
        vault(KEY).open(sealed[:size], "realm:1")


def test_every_changed_bit_is_noticed() -> None:
    sealed = vault(KEY).seal(b"CANARY", "realm:1")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(Unsealable):
            vault(KEY).open(changed, "realm:1")


@pytest.mark.parametrize(
    "key", ["", "CANARY", KEY[:-6], KEY + "AAAA", "ключ", base64.urlsafe_b64encode(b"x" * 31).decode()]
)
def test_a_malformed_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="Q2C_TOKEN_KEYS: key 2") as caught:
        vault(KEY, key)
    assert not key or key not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_vault_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="Q2C_TOKEN_KEYS"):
        vault()


def test_two_seals_of_one_secret_differ() -> None:
    one = vault(KEY)
    assert one.seal(b"CANARY", "realm:1") != one.seal(b"CANARY", "realm:1")
