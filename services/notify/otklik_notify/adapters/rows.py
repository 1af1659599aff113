"""Rows to aggregates and back, explicitly, in one place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from otklik_notify.adapters.tables import deliveries
from otklik_notify.domain.acknowledgement import Acknowledgement, Half, Outcome
from otklik_notify.domain.commands import AcknowledgeTicket, Deadline
from otklik_notify.domain.delivery import Delivery, State
from otklik_notify.domain.mail import Account, Mail, Thread
from otklik_notify.domain.notices import Automatic, Route

DELIVERY_COLUMNS = tuple(
    column for column in deliveries.c if column.name in {*Delivery.__dataclass_fields__}
)
"""What a delivery is without its mail."""
_LOADED = ("opened", "deadlines")


PROGRESS = (
    "state",
    "attempt_count",
    "in_doubt",
    "due_at",
    "last_error",
    "reason",
    "accepted_at",
)
"""What changes while a delivery is sent."""


def row_of_half(half: Half) -> tuple[object, ...]:
    """Write half of an acknowledgement, in the order of its table's columns."""
    opened = None if half.opened is None else asdict(half.opened)
    deadlines = None if half.deadlines is None else [*map(_plain_deadline, half.deadlines)]
    return (
        half.ticket_id,
        half.conversation_id,
        None if opened is None else json.dumps(opened, ensure_ascii=False),
        None if deadlines is None else json.dumps(deadlines),
        half.due_at,
        Outcome.WAITING,
    )


def acknowledgement_of(row: RowMapping) -> Acknowledgement:
    """Read an acknowledgement."""
    opened, deadlines = (None if row[name] is None else json.loads(row[name]) for name in _LOADED)
    return Acknowledgement(
        ticket_id=row["ticket_id"],
        conversation_id=row["conversation_id"],
        opened=None if opened is None else _ticket_of(opened),
        deadlines=None if deadlines is None else tuple(_deadline_of(each) for each in deadlines),
        due_at=row["due_at"],
        outcome=Outcome(row["outcome"]),
    )


def row_of_delivery(delivery: Delivery, mail: Mail) -> tuple[object, ...]:
    """Write a new delivery with its mail, in the order of its table's columns."""
    known = {
        "id": delivery.id,
        "conversation_id": delivery.conversation_id,
        "template": delivery.template,
        "locale": delivery.locale,
        "channel": delivery.channel,
        "message_id": delivery.message_id,
        "created_at": delivery.created_at,
        "traceparent": delivery.traceparent,
        **dict(zip(PROGRESS, progress_of(delivery), strict=True)),
        "recipient": mail.recipient,
        "envelope_sender": mail.envelope_sender,
        "from_name": mail.from_name,
        "from_address": mail.from_address,
        "reply_to": mail.reply_to,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "internet_message_id": mail.internet_message_id,
        "in_reply_to": mail.in_reply_to,
        "thread_references": " ".join(mail.references),
        "automatic": mail.automatic,
    }
    return tuple(known[column.name] for column in deliveries.c)


def progress_of(delivery: Delivery) -> tuple[object, ...]:
    """Write what changes while a delivery is sent, in the order of `PROGRESS`."""
    return (
        delivery.state,
        delivery.attempt_count,
        delivery.in_doubt,
        delivery.due_at,
        delivery.last_error,
        delivery.reason,
        delivery.accepted_at,
    )


def row_of_thread(thread: Thread) -> tuple[object, ...]:
    """Write a thread, in the order of its table's columns."""
    return (thread.conversation_id, " ".join(thread.message_ids), thread.newest_customer_mail)


def delivery_of(row: RowMapping) -> Delivery:
    """Read a delivery without its mail."""
    return Delivery(
        id=row["id"],
        conversation_id=row["conversation_id"],
        template=row["template"],
        locale=row["locale"],
        channel=row["channel"],
        message_id=row["message_id"],
        internet_message_id=row["internet_message_id"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        state=State(row["state"]),
        attempt_count=row["attempt_count"],
        in_doubt=row["in_doubt"],
        last_error=row["last_error"],
        reason=row["reason"],
        accepted_at=row["accepted_at"],
        traceparent=row["traceparent"],
    )


def mail_of(row: RowMapping) -> Mail:
    """Read the mail of a delivery."""
    return Mail(
        recipient=row["recipient"],
        envelope_sender=row["envelope_sender"],
        from_name=row["from_name"],
        from_address=row["from_address"],
        reply_to=row["reply_to"],
        subject=row["subject"],
        text=row["text"],
        html=row["html"],
        internet_message_id=row["internet_message_id"],
        in_reply_to=row["in_reply_to"],
        references=tuple(row["thread_references"]),
        automatic=Automatic(row["automatic"]),
    )


def row_of_account(account: Account) -> dict[str, object]:
    """Write an account."""
    return {
        "name": account.name,
        "channel": account.channel,
        "address": account.address,
        "display_names": dict(account.display_names),
        "reply_account": account.reply_account,
    }


def account_of(row: RowMapping) -> Account:
    """Read an account."""
    return Account(
        name=row["name"],
        channel=row["channel"],
        address=row["address"],
        display_names=row["display_names"],
        reply_account=row["reply_account"],
    )


def _ticket_of(plain: Mapping[str, Any]) -> AcknowledgeTicket:
    route = plain["route"]
    return AcknowledgeTicket(**{**plain, "route": None if route is None else Route(**route)})


def _plain_deadline(deadline: Deadline) -> Sequence[str]:
    return (deadline.kind, deadline.due_at.isoformat(), deadline.time_zone)


def _deadline_of(plain: Sequence[str]) -> Deadline:
    kind, due_at, time_zone = plain
    return Deadline(kind=kind, due_at=datetime.fromisoformat(due_at), time_zone=time_zone)
