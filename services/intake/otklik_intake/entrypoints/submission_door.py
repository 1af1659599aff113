"""The door for messages whose fields are apart: the form, the JSON API and the partners' gRPC."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from otklik_intake.domain import submission as submissions
from otklik_intake.domain.accounts import Channel, ChannelAccount
from otklik_intake.domain.errors import ChannelAccountNotFound, UnknownService
from otklik_intake.domain.items import Arrival, Key, Receipt
from otklik_intake.domain.letter import File
from otklik_intake.domain.submission import Submission
from otklik_intake.entrypoints.reception import Reception
from otklik_intake.ports import AccountDirectory, Catalogue
from otklik_runtime import story
from otklik_runtime.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One message handed in.

    `request_id` makes a repetition harmless. With `editable` the same id may come again with
    another content, as when somebody goes back in the browser: that is another message.
    `field_names` says what the door calls a field, for refusals.
    """

    submission: Submission
    request_id: str
    channel: Channel
    account: str = ""
    partner_id: str = ""
    files: tuple[File, ...] = ()
    editable: bool = False
    refusal: str = ""
    field_names: Mapping[str, str] = field(default_factory=dict)


class SubmissionDoor:
    """Checks what was handed in and stores it."""

    def __init__(
        self, reception: Reception, accounts: AccountDirectory, catalogue: Catalogue
    ) -> None:
        self._reception = reception
        self._accounts = accounts
        self._catalogue = catalogue

    async def submit(self, request: Request) -> Receipt:
        """Store a message and return when it is durable.

        Raises:
            FormIncomplete: naming each field that is wrong.
            UnknownService: the catalogue does not have the service.
            ChannelAccountNotFound: there is no such account, or none for this channel.
            RequestIdReused: the id came before with another content.
            DoorClosed: nothing can be stored now.
        """
        submission = submissions.checked(request.submission, request.field_names)
        account = await self._account(request)
        if submission.service and await self._catalogue.refuses(submission.service):
            raise UnknownService(submission.service)
        digest = submissions.digest(
            submission, tuple(hashlib.sha256(file.content).digest() for file in request.files)
        )
        key = Key(
            channel=request.channel,
            account=account.name,
            partner_id=request.partner_id,
            external_id=request.request_id,
            variant=digest if request.editable else b"",
        )
        arrival = Arrival(
            key=key,
            content_digest=digest,
            original=submission.original(),
            media_type=submissions.MEDIA_TYPE,
            conversation_id=submission.conversation_id,
            files=request.files,
            refusal=request.refusal,
            traceparent=story.current(),
        )
        return await self._reception.receive(arrival)

    async def _account(self, request: Request) -> ChannelAccount:
        accounts = await self._accounts.current()
        if request.account and not accounts.has(request.account):
            accounts = await self._accounts.current(fresh=True)
        if request.account:
            account = accounts.named(request.account)
        else:
            first = accounts.first_of(request.channel)
            if first is None:
                raise ChannelAccountNotFound("")
            account = first
        if account.channel is not request.channel:
            raise InvalidInput(
                "channel_account_mismatch",
                f"{account.name} is no account for this door; name one that is",
                field="account",
            )
        return account
