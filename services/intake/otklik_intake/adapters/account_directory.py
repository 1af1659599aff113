"""The channel accounts for the doors: read every few seconds, remembered when storage is down."""

import time

from otklik_intake.adapters.repository import read_accounts
from otklik_intake.domain.accounts import Accounts
from otklik_runtime.database import Database
from otklik_runtime.errors import Unavailable

FRESH_SECONDS = 5.0
_AT_MOST_EVERY = 0.25


class RememberedAccounts:
    """Reads the accounts when somebody asks and the last answer is old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._accounts: Accounts | None = None
        self._read_at = float("-inf")

    async def current(self, *, fresh: bool = False) -> Accounts:
        """Give the accounts; as they are this very moment if `fresh`."""
        age = time.monotonic() - self._read_at
        if self._accounts is not None and age < (_AT_MOST_EVERY if fresh else FRESH_SECONDS):
            return self._accounts
        try:
            async with self._database.read() as connection:
                accounts = await read_accounts(connection)
        except Unavailable:
            if self._accounts is None:
                raise
            return self._accounts
        self._accounts, self._read_at = accounts, time.monotonic()
        return accounts

    def forget(self) -> None:
        """Ask again next time: an account was added."""
        self._read_at = float("-inf")
