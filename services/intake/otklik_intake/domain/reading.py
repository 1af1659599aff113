"""What is found out about a message, filter by filter, and what it proposes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from otklik_intake.domain import language
from otklik_intake.domain.accounts import Accounts, ChannelAccount
from otklik_intake.domain.addresses import Mailbox
from otklik_intake.domain.events import Evidence
from otklik_intake.domain.filters import FILTERS
from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.items import StoredItem
from otklik_intake.domain.letter import Content, File, Letter, Unreadable
from otklik_intake.domain.submission import Submission

NO_ACCOUNT = "channel_account_gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """An item together with everything found out about it; `files` are those of its original."""

    item: StoredItem
    account: ChannelAccount | None
    finding: Finding
    files: tuple[File, ...] = ()


def read(
    item: StoredItem,
    content: Content,
    *,
    accounts: Accounts,
    conversation_of: Callable[[str], str | None],
) -> Reading:
    """Judge one item's content.

    Args:
        item: The item.
        content: What its original turned out to be.
        accounts: The channel accounts.
        conversation_of: The conversation a thread token stands for; None if it is not ours.
    """
    if not accounts.has(item.account):
        return Reading(item=item, account=None, finding=Finding(quarantine=NO_ACCOUNT))
    account = accounts.named(item.account)
    if isinstance(content, Unreadable):
        return Reading(item=item, account=account, finding=Finding(quarantine=content.reason))
    if isinstance(content, Submission):
        return Reading(item=item, account=account, finding=_submitted(content, account))
    scene = Scene(item=item, account=account, accounts=accounts, conversation_of=conversation_of)
    return Reading(
        item=item, account=account, finding=_filtered(content, scene), files=content.files
    )


def _filtered(letter: Letter, scene: Scene) -> Finding:
    finding = Finding(service=scene.account.default_service)
    for one in FILTERS:
        finding = one(letter, scene, finding)
        if finding.quarantine:
            break
    return finding


def _submitted(submission: Submission, account: ChannelAccount) -> Finding:
    locale = submission.locale or language.of_text(
        f"{submission.subject}\n{submission.text}", default=account.default_locale
    )
    finding = Finding(
        sender=Mailbox(name=submission.sender_name, address=submission.sender_address),
        subject=submission.subject,
        text=submission.text,
        locale=locale,
        service=submission.service or account.default_service,
    )
    if submission.conversation_id:
        return replace(
            finding, conversation_id=submission.conversation_id, evidence=Evidence.PARTNER
        )
    return finding
