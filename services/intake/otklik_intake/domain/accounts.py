"""Channel accounts: the mailboxes, forms and partner accounts that lead to the desk."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from otklik_intake.domain.addresses import is_address, without_tag
from otklik_intake.domain.errors import ChannelAccountExists, ChannelAccountNotFound
from otklik_runtime import ids
from otklik_runtime.errors import InvalidInput


class Channel(StrEnum):
    """The kinds of channel a contact can come by."""

    EMAIL = "email"
    WEB_FORM = "web_form"
    PORTAL = "portal"
    CHAT = "chat"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
    VK = "vk"
    PHONE = "phone"
    PARTNER_API = "partner_api"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelAccount:
    """One account; `name` and `reply_account` are resource names, `channelAccounts/{account}`.

    `address` is what customers write to, for mail only. `reply_account` is the mail account that
    answers its contacts; empty means itself.
    """

    name: str
    channel: Channel
    display_name: Mapping[str, str]
    default_service: str
    default_locale: str
    address: str = ""
    reply_account: str = ""

    @property
    def aggregate_id(self) -> str:
        """The id its events end in, the same whoever computes it."""
        return ids.stable_id("channel_account", self.name)

    @property
    def answers_from(self) -> str:
        """The account that sends the answers."""
        return self.reply_account or self.name


class Accounts:
    """All channel accounts at one moment, found by name, by address and by channel."""

    def __init__(self, accounts: Iterable[ChannelAccount]) -> None:
        """Index the accounts."""
        self._by_name = {one.name: one for one in accounts}
        self._by_address = {one.address: one for one in self._by_name.values() if one.address}

    def __iter__(self) -> Iterator[ChannelAccount]:
        return iter(self._by_name.values())

    def named(self, name: str) -> ChannelAccount:
        """Return the account of that name.

        Raises:
            ChannelAccountNotFound: there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise ChannelAccountNotFound(name) from None

    def has(self, name: str) -> bool:
        """Say whether an account of that name exists."""
        return name in self._by_name

    def receiving(self, recipient: str) -> ChannelAccount | None:
        """Return the account a mail to `recipient` is for; what follows a plus in it is a token.

        The postmaster of our domains is somebody too: the first mail account.
        """
        address = without_tag(recipient)
        found = self._by_address.get(address)
        if found is None and self._is_postmaster(address):
            return self.first_of(Channel.EMAIL)
        return found

    def _is_postmaster(self, address: str) -> bool:
        local, _, domain = address.rpartition("@")
        if not local:
            return domain == "postmaster"
        own = {one.rpartition("@")[2] for one in self._by_address}
        return local == "postmaster" and domain in own

    def first_of(self, channel: Channel) -> ChannelAccount | None:
        """Return the first account of a channel by name: the one to use when nobody named one."""
        found = [one for one in self._by_name.values() if one.channel is channel]
        return min(found, key=lambda one: one.name, default=None)

    def is_own(self, address: str) -> bool:
        """Say whether an address is one of ours."""
        return without_tag(address) in self._by_address

    def refuse(self, candidate: ChannelAccount) -> None:
        """Refuse a new account that could not work.

        Raises:
            InvalidInput: `address` or `reply_account` cannot be used.
            ChannelAccountExists: the name or the address is taken.
        """
        if candidate.name in self._by_name:
            raise ChannelAccountExists(candidate.name, field="name")
        if candidate.channel is Channel.EMAIL:
            self._refuse_address(candidate)
        elif candidate.address:
            raise InvalidInput(
                "address_not_mail",
                "only a mail account has an address; leave it empty",
                field="channel_account.address",
            )
        self._refuse_reply_account(candidate)

    def _refuse_address(self, candidate: ChannelAccount) -> None:
        if not is_address(candidate.address):
            raise InvalidInput(
                "address_required",
                "a mail account needs the address that customers write to",
                field="channel_account.address",
            )
        if "+" in candidate.address.partition("@")[0]:
            raise InvalidInput(
                "address_tagged",
                "leave the plus out of the address: what follows it is a thread token",
                field="channel_account.address",
            )
        taken = self._by_address.get(candidate.address)
        if taken is not None:
            raise ChannelAccountExists(taken.name, field="address")

    def _refuse_reply_account(self, candidate: ChannelAccount) -> None:
        if candidate.channel is Channel.EMAIL and candidate.answers_from == candidate.name:
            return
        answering = self._by_name.get(candidate.reply_account)
        if answering is None or answering.channel is not Channel.EMAIL:
            raise InvalidInput(
                "reply_account_required",
                "name an existing mail account that answers contacts of this one",
                field="channel_account.reply_account",
            )
