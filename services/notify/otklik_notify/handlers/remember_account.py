"""Remember the channel accounts that mail leaves from, as intake announces them."""

from collections.abc import Sequence

from otklik_notify.domain.commands import RememberAccount
from otklik_notify.domain.mail import Account
from otklik_notify.ports import UnitOfWork


async def remember_accounts(unit: UnitOfWork, commands: Sequence[RememberAccount]) -> None:
    """Write down accounts; the last word of a batch counts."""
    newest = {command.name: command for command in commands}
    await unit.accounts.save(
        [
            Account(
                name=command.name,
                channel=command.channel,
                address=command.address,
                display_names=command.display_names,
                reply_account=command.reply_account,
            )
            for command in newest.values()
        ]
    )
