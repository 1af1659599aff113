"""The only place that speaks both the domain's language and protobuf."""

import re
from collections.abc import Iterable
from datetime import datetime

from google.protobuf.message import Message

from otklik.intake.v1 import events_pb2, intake_service_pb2, item_pb2
from otklik.tickets.v1 import events_pb2 as tickets_events_pb2
from otklik.type.v1 import attachment_pb2, channel_pb2, localized_text_pb2
from otklik_intake.domain import events
from otklik_intake.domain.accounts import Channel, ChannelAccount
from otklik_intake.domain.commands import SettleItem
from otklik_intake.domain.items import ItemState, LedgerBalance, LedgerItem, StoredFile
from otklik_intake.domain.submission import Submission
from otklik_runtime import instants

# The lowest bit of the flags says that the trace is kept.
_SAMPLED = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f][13579bdf]")
_CHANNELS = {one: channel_pb2.Channel.Value(f"CHANNEL_{one.name}") for one in Channel}
_CHANNELS_BACK = {number: one for one, number in _CHANNELS.items()}
_STATES = {one: item_pb2.ItemState.Value(f"ITEM_STATE_{one.name}") for one in ItemState}
_STATES_BACK = {number: one for one, number in _STATES.items()}
_EVIDENCE = {
    events.Evidence.NONE: events_pb2.PROPOSAL_EVIDENCE_UNSPECIFIED,
    events.Evidence.TOKEN: events_pb2.PROPOSAL_EVIDENCE_TOKEN,
    events.Evidence.REFERENCES: events_pb2.PROPOSAL_EVIDENCE_REFERENCES,
    events.Evidence.PARTNER: events_pb2.PROPOSAL_EVIDENCE_PARTNER,
}


def channel_number(channel: Channel) -> channel_pb2.Channel.ValueType:
    """Write a channel."""
    return _CHANNELS[channel]


def state_number(state: ItemState) -> item_pb2.ItemState.ValueType:
    """Write a state."""
    return _STATES[state]


def state_of(number: item_pb2.ItemState.ValueType) -> ItemState | None:
    """Read a state; None if it was not said."""
    return _STATES_BACK.get(number)


def event_message(event: events.DomainEvent) -> tuple[Message, str, datetime | None]:
    """Write an event; with it the id its subject ends in, and when it happened if not now."""
    match event:
        case events.MessageReceived():
            return _received(event), event.conversation_id, event.received_at
        case events.MessageQuarantined():
            quarantined = events_pb2.MessageQuarantined(
                item_id=event.item_id, conversation_id=event.conversation_id, reason=event.reason
            )
            return quarantined, event.conversation_id, event.received_at
        case events.MessageRefused():
            refused = events_pb2.MessageRefused(
                item_id=event.item_id, conversation_id=event.conversation_id, reason=event.reason
            )
            return refused, event.conversation_id, event.received_at
        case events.ChannelAccountChanged():
            changed = events_pb2.ChannelAccountChanged(
                channel_account=account_message(event.account)
            )
            return changed, event.account.aggregate_id, None


def _received(event: events.MessageReceived) -> events_pb2.MessageReceived:
    return events_pb2.MessageReceived(
        item_id=event.item_id,
        conversation_id=event.conversation_id,
        evidence=_EVIDENCE[event.evidence],
        channel=_CHANNELS[event.channel],
        account=event.account,
        sender_address=event.sender_address,
        sender_name=event.sender_name,
        subject=event.subject,
        text=event.text,
        text_cut=event.text_cut,
        attachments=file_messages(event.files),
        locale=event.locale,
        service=event.service,
        receive_time=instants.stamp(event.received_at),
        reply_route=channel_pb2.ReplyRoute(
            channel=channel_pb2.CHANNEL_EMAIL,
            account=event.reply_account,
            address=event.sender_address,
        ),
        automatic=event.automatic,
        internet_message_id=event.internet_message_id,
        partner_id=event.partner_id,
    )


def file_messages(files: Iterable[StoredFile]) -> list[attachment_pb2.AttachmentReference]:
    """Write references to files."""
    return [
        attachment_pb2.AttachmentReference(
            attachment=f"attachments/{file.attachment_id}",
            filename=file.filename,
            content_type=file.content_type,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
        )
        for file in files
    ]


def account_message(account: ChannelAccount) -> item_pb2.ChannelAccount:
    """Write a channel account."""
    return item_pb2.ChannelAccount(
        name=account.name,
        channel=_CHANNELS[account.channel],
        address=account.address,
        display_name=localized_text_pb2.LocalizedText(
            ru=account.display_name["ru"], en=account.display_name["en"]
        ),
        default_service=account.default_service,
        reply_account=account.reply_account,
        default_locale=account.default_locale,
    )


def account_of(message: item_pb2.ChannelAccount) -> ChannelAccount:
    """Read a channel account that somebody wants to add."""
    return ChannelAccount(
        name=message.name,
        channel=_CHANNELS_BACK[message.channel],
        address=message.address.strip().lower(),
        display_name={"ru": message.display_name.ru, "en": message.display_name.en},
        default_service=message.default_service,
        reply_account=message.reply_account,
        default_locale=message.default_locale,
    )


def item_message(item: LedgerItem) -> item_pb2.Item:
    """Write a line of the ledger."""
    return item_pb2.Item(
        name=f"items/{item.item_id}",
        channel=_CHANNELS[item.channel],
        account=item.account,
        state=_STATES[item.state],
        conversation_id=item.conversation_id,
        ticket=f"tickets/{item.ticket_id}" if item.ticket_id else "",
        receive_time=instants.stamp(item.received_at),
        reason=item.reason,
        size_bytes=item.size_bytes,
        subject=item.subject,
        sender_address=item.sender_address,
        external_id=item.external_id,
        attachments=file_messages(item.files),
        trace_id=_sampled_trace(item.traceparent),
    )


def _sampled_trace(traceparent: str) -> str:
    """Read the trace id of a W3C traceparent; empty if nobody kept the trace."""
    found = _SAMPLED.fullmatch(traceparent)
    return found[1] if found is not None else ""


def ledger_message(balances: Iterable[LedgerBalance]) -> intake_service_pb2.Ledger:
    """Write the balance of each channel account."""
    return intake_service_pb2.Ledger(entries=[_entry(balance) for balance in balances])


def _entry(balance: LedgerBalance) -> item_pb2.LedgerEntry:
    return item_pb2.LedgerEntry(
        account=balance.account,
        received_count=balance.received,
        pending_count=balance.counts.get(ItemState.PENDING, 0),
        ticketed_count=balance.counts.get(ItemState.TICKETED, 0),
        appended_count=balance.counts.get(ItemState.APPENDED, 0),
        quarantined_count=balance.counts.get(ItemState.QUARANTINED, 0),
        refused_count=balance.counts.get(ItemState.REFUSED, 0),
        oldest_pending_time=instants.stamp(balance.oldest_pending_at),
    )


def submission_of(request: intake_service_pb2.SubmitMessageRequest) -> Submission:
    """Read what a partner hands in."""
    return Submission(
        sender_address=request.sender_address,
        sender_name=request.sender_name,
        subject=request.subject,
        text=request.text,
        locale=request.locale,
        service=request.service,
        conversation_id=request.conversation_id,
    )


def settle_ticketed(message: tickets_events_pb2.TicketOpened) -> SettleItem | None:
    """Read that an item opened a ticket; None if the ticket did not come through intake."""
    if not message.item_id:
        return None
    return SettleItem(
        item_id=message.item_id,
        state=ItemState.TICKETED,
        conversation_id=message.conversation_id,
        ticket_id=message.ticket_id,
    )


def settle_appended(message: tickets_events_pb2.MessageAppended) -> SettleItem | None:
    """Read that an item was appended; None if the message did not come through intake."""
    if not message.item_id:
        return None
    return SettleItem(
        item_id=message.item_id,
        state=ItemState.APPENDED,
        conversation_id=message.conversation_id,
        ticket_id=message.ticket_id,
    )


def settle_refused(message: tickets_events_pb2.MessageRejected) -> SettleItem:
    """Read that tickets refused an item."""
    return SettleItem(
        item_id=message.item_id,
        state=ItemState.REFUSED,
        conversation_id=message.conversation_id,
        reason=message.reason,
    )
