"""What the filters share: the scene they look at, and the finding they hand on."""

from collections.abc import Callable
from dataclasses import dataclass

from otklik_intake.domain.accounts import Accounts, ChannelAccount
from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.events import Evidence
from otklik_intake.domain.items import StoredItem
from otklik_intake.domain.letter import Letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What surrounds a letter: its item, its account, all accounts, who checks thread tokens."""

    item: StoredItem
    account: ChannelAccount
    accounts: Accounts
    conversation_of: Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What is known so far. `quarantine` is a stable word that ends the reading.

    `evidence` and `conversation_id` are the proposal of a signed token or a partner.
    `answers_to` are Message-IDs that may name a conversation, the best evidence first;
    `remembers` are those that shall name this one from now on. `forged_tokens` counts tokens that
    look like ours and are not.
    """

    quarantine: str = ""
    sender: Mailbox | None = None
    subject: str = ""
    text: str = ""
    locale: str = ""
    service: str = ""
    automatic: bool = False
    evidence: Evidence = Evidence.NONE
    conversation_id: str = ""
    forged_tokens: int = 0
    internet_message_id: str = ""
    answers_to: tuple[str, ...] = ()
    remembers: tuple[str, ...] = ()


Filter = Callable[[Letter, Scene, Finding], Finding]
"""One concern: it looks at the letter and hands on the finding with what it added."""
