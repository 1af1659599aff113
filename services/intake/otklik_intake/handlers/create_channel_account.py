"""Add a channel account; notify hears of it, because it sends from it."""

from otklik_intake.domain.accounts import ChannelAccount
from otklik_intake.domain.events import ChannelAccountChanged
from otklik_intake.ports import UnitOfWork


async def create_channel_account(unit: UnitOfWork, account: ChannelAccount) -> ChannelAccount:
    """Store a new channel account and say so.

    Raises:
        ChannelAccountExists: its name or its address is taken.
        InvalidInput: it could not receive or could not answer.
    """
    await unit.accounts.lock()
    (await unit.accounts.all()).refuse(account)
    await unit.accounts.add(account, unit.now)
    unit.record(ChannelAccountChanged(account=account))
    return account
