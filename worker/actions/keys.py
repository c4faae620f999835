"""The keys that encrypt secrets: use the newest for all secrets, retire a key, delete the secrets of lost keys."""

from events.clock import Clock
from events.database.port import Database
from worker.runtime.vault import Vault
from worker.services import Services
from worker.workspaces import keyring
from worker.workspaces.keyring import Resealed, Shown


async def reseal_secrets(services: Services) -> Resealed:
    """Encrypt every secret with the newest key."""
    return await services.database.transaction(keyring.reseal, services.vault)


async def retire_key(services: Services, key_id: str, by: str) -> Shown:
    """Retire a key: refuse it from now on. A key that is retired already stays as it is.

    Raises:
        KeyringRefused: There is no such key, it is the newest, or it still encrypts a secret.
    """
    now = services.clock.now()
    return await services.database.transaction(keyring.retire, services.vault, key_id, now, by)


async def lose_keys(database: Database, vault: Vault, clock: Clock, by: str) -> list[str]:
    """Delete every secret that the given keys do not decrypt, and retire the missing keys.

    Services do not open while all keys are missing, so this does without them.

    Returns:
        A line for each deleted secret.

    Raises:
        KeyringRefused: One of the given keys was retired.
    """
    return await database.transaction(keyring.lose, vault, clock.now(), by)
