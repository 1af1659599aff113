"""Channels, the routes answers take, and what an address on a channel proves about its writer.

The numbers of the enumeration are those of `otklik.type.v1.Channel`; a test holds them together.
"""

from dataclasses import dataclass
from enum import IntEnum


class Channel(IntEnum):
    """The kinds of channel a contact can come by."""

    EMAIL = 1
    WEB_FORM = 2
    PORTAL = 3
    CHAT = 4
    TELEGRAM = 5
    WHATSAPP = 6
    VK = 7
    PHONE = 8
    PARTNER_API = 9


# On these the writer's address is a mail address, whatever carried the message.
_ADDRESSED_BY_MAIL = frozenset(
    {Channel.EMAIL, Channel.WEB_FORM, Channel.PORTAL, Channel.PARTNER_API}
)

# On these the sender names the service; elsewhere the account's own default is what is given.
SENDER_NAMES_SERVICE = frozenset({Channel.WEB_FORM, Channel.PORTAL, Channel.PARTNER_API})


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyRoute:
    """Where an answer to a contact goes."""

    channel: Channel
    account: str = ""
    address: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Address:
    """One address on one channel: the key by which a customer is known."""

    channel: Channel
    value: str


def normalized(channel: Channel, value: str) -> Address:
    """The one form an address is kept in, so that two spellings are one customer."""
    trimmed = value.strip()
    return Address(channel=channel, value=trimmed.lower() if channel is Channel.EMAIL else trimmed)


def writer_address(channel: Channel, sender_address: str, partner_id: str) -> Address | None:
    """The address that identifies whoever wrote, or nothing when the message does not say.

    A partner that names nobody writes for itself.
    """
    if sender_address.strip():
        by_mail = channel in _ADDRESSED_BY_MAIL
        return normalized(Channel.EMAIL if by_mail else channel, sender_address)
    if partner_id:
        return Address(channel=Channel.PARTNER_API, value=partner_id)
    return None


def proves_writer(channel: Channel) -> bool:
    """Whether a message by this channel shows that its writer really has the address.

    Anybody can type anything into a public form; every other channel delivers from the address
    itself, or somebody who signed in vouches for it.
    """
    return channel is not Channel.WEB_FORM
