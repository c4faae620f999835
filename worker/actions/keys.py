"""The keys that secrets are encrypted with: using the newest for all, retiring one, going on without lost ones."""

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
    """Refuse a key from now on; one that is retired already stays as it is.

    Raises:
        KeyringRefused: There is no such key, it is the newest, or something is sealed with it.
    """
    now = services.clock.now()
    return await services.database.transaction(keyring.retire, services.vault, key_id, now, by)


async def lose_keys(database: Database, vault: Vault, clock: Clock, by: str) -> list[str]:
    """Delete every secret that the present keys do not decrypt, and retire the missing keys; say what is gone.

    Services do not open while keys are missing, so this needs none.

    Raises:
        KeyringRefused: A present key was retired.
    """
    return await database.transaction(keyring.lose, vault, clock.now(), by)
