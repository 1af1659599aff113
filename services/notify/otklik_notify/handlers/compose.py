"""Make a mail of a notice: who it comes from, what it replies to, what it says."""

from datetime import datetime

from otklik_notify.domain.delivery import Delivery
from otklik_notify.domain.mail import Account, Mail, Thread, bare_subject, one_line
from otklik_notify.domain.notices import Notice
from otklik_notify.ports import Desk

BOUNCE_LOCAL_PART = "bounce"


def compose(
    notice: Notice, account: Account, thread: Thread, desk: Desk, now: datetime
) -> tuple[Delivery, Mail]:
    """Compose one mail; its Message-ID is fixed here and never changes."""
    token = desk.links.thread_token(notice.conversation_id)
    message_id = f"<otklik.{token}.{notice.delivery_id}@{account.domain}>"
    organisation = account.display_names.get(notice.locale, account.address)
    parent = thread.parent(notice.in_reply_to)
    rendered = desk.texts.render(
        notice.template.key,
        notice.locale,
        {
            **notice.facts,
            "number": notice.number,
            "subject": bare_subject(notice.subject.replace(f"[{notice.number}]", "")),
            "organisation": organisation,
            "token": token,
            "page": _page(notice, desk, now),
            "now": now,
        },
    )
    mail = Mail(
        recipient=notice.route.address if notice.route else "",
        envelope_sender=account.tagged(
            BOUNCE_LOCAL_PART, desk.links.bounce_token(notice.delivery_id)
        )
        if notice.is_automatic
        else account.address,
        from_name=one_line(organisation),
        from_address=account.address,
        reply_to=account.tagged(account.local_part, token),
        subject=one_line(rendered.subject),
        text=rendered.text,
        html=rendered.html,
        internet_message_id=message_id,
        in_reply_to=parent,
        references=thread.references(parent),
        automatic=notice.template.automatic,
    )
    return _delivery(notice, message_id, now), mail


def undeliverable(notice: Notice, now: datetime) -> tuple[Delivery, Mail]:
    """Keep a record of a notice that cannot be addressed; nothing of it will ever leave."""
    mail = Mail(
        recipient=one_line(notice.route.address) if notice.route else "",
        envelope_sender="",
        from_name="",
        from_address="",
        reply_to="",
        subject=one_line(notice.subject),
        text="",
        html="",
        internet_message_id="",
        automatic=notice.template.automatic,
    )
    return _delivery(notice, "", now), mail


def _delivery(notice: Notice, internet_message_id: str, now: datetime) -> Delivery:
    return Delivery(
        id=notice.delivery_id,
        conversation_id=notice.conversation_id,
        template=notice.template.key,
        locale=notice.locale,
        channel=notice.route.channel if notice.route else "",
        message_id=notice.message_id,
        internet_message_id=internet_message_id,
        created_at=now,
        due_at=now,
        traceparent=notice.traceparent,
    )


def _page(notice: Notice, desk: Desk, now: datetime) -> str:
    expires_at = notice.facts.get("expires_at")
    if isinstance(expires_at, datetime):
        return desk.links.rating_page(notice.about_id, expires_at)
    return desk.links.conversation_page(notice.conversation_id, now)
