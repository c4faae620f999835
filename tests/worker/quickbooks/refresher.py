"""A process that requests access tokens: `python -m tests.worker.quickbooks.refresher FILE URL REALM CALLS`.

It prints `ready`, waits for a line, requests the token CALLS times at once, and prints the results.
"""

import asyncio
import sys
from pathlib import Path

from events.clock import SystemClock, SystemEntropy
from events.database.sqlite import SqliteDatabase
from tests.worker.quickbooks.intuit import KEY
from worker.quickbooks.http import http_client
from worker.quickbooks.oauth import OAuthClient
from worker.quickbooks.token_store import TokenStore
from worker.runtime.vault import Vault


async def main(path: str, url: str, realm: str, calls: int) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    database = SqliteDatabase(Path(path))
    async with http_client(30) as http:
        oauth = OAuthClient(
            http,
            clock,
            discovery_url=f"{url}/discovery",
            client_id="app",
            client_secret="secret",
            request_seconds=30,
        )
        store = TokenStore(database, clock, entropy, Vault((KEY,), entropy), oauth)
        print("ready", flush=True)  # noqa: T201 - stdout is how it speaks with its parent
        await asyncio.to_thread(sys.stdin.readline)
        got = await asyncio.gather(*(store.access_token(realm) for _ in range(calls)))
    await database.close()
    print(" ".join(got), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
