"""What each event says to a person, in one line, in Russian and in English."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from google.protobuf.timestamp_pb2 import Timestamp

from otklik.sla.v1.clock_pb2 import ClockKind
from otklik.sla.v1.events_pb2 import ArmingOutcome
from otklik.tickets.v1.ticket_pb2 import Priority
from otklik.type.v1.channel_pb2 import Channel
from tools.local.demo.streams import Told
from tools.pages.language import Catalogue, Counted, Language, Phrase, Speech

SUBJECT_LENGTH = 60
HOME_ZONE = "Europe/Moscow"

PHRASES: Catalogue = {
    "received": Phrase(
        en="{channel} from {sender}: “{subject}”", ru="{channel}, {sender}: «{subject}»"
    ),
    "proposed": Phrase(
        en="; belongs to a conversation we know", ru="; продолжает известную переписку"
    ),
    "files": Counted(
        en=("; {count} file", "; {count} files"),
        ru=("; {count} файл", "; {count} файла", "; {count} файлов"),
    ),
    "quarantined": Phrase(
        en="could not be read and is kept: {reason}", ru="не прочитано, отложено: {reason}"
    ),
    "refused": Phrase(en="refused: {reason}", ru="отклонено: {reason}"),
    "account": Phrase(en="{account} can be used", ru="{account} можно пользоваться"),
    "opened": Phrase(
        en="{number} opened · {priority} · {service}",
        ru="{number} открыто · {priority} · {service}",
    ),
    "appended": Phrase(
        en="the customer's reply is in the ticket", ru="ответ клиента — в обращении"
    ),
    "sent": Phrase(en="{author} answers the customer", ru="{author} отвечает клиенту"),
    "assigned": Phrase(en="taken into work", ru="взято в работу"),
    "state": Phrase(en="{before} → {after}", ru="{before} → {after}"),
    "resolved": Phrase(en="{number} resolved by {author}", ru="{number} решено, {author}"),
    "reopened": Phrase(en="open again: the customer wrote", ru="снова открыто: клиент написал"),
    "customer": Phrase(en="a customer was added or changed", ru="клиент добавлен или изменён"),
    "armed": Phrase(en="promised: {deadlines}", ru="обещано: {deadlines}"),
    "armed_none": Phrase(en="no clock runs: {outcome}", ru="часы не идут: {outcome}"),
    "started": Phrase(en="{clock} by {due}", ru="{clock} до {due}"),
    "paused": Phrase(en="{clock} stands still: {reason}", ru="{clock}: на паузе, {reason}"),
    "resumed": Phrase(en="{clock} runs again, by {due}", ru="{clock}: снова идёт, до {due}"),
    "met": Phrase(
        en="{clock} kept, {elapsed} of working time",
        ru="{clock}: в срок, {elapsed} рабочего времени",
    ),
    "met_late": Phrase(en="{clock} met late", ru="{clock}: выполнено с опозданием"),
    "breached": Phrase(en="{clock} missed", ru="{clock}: срок пропущен"),
    "accepted": Phrase(
        en="{template} was taken by the customer's server",
        ru="{template}: принято сервером клиента",
    ),
    "in_doubt": Phrase(en=" (perhaps for the second time)", ru=" (возможно, второй раз)"),
    "failed": Phrase(
        en="{template} did not arrive: {reason}", ru="{template} не доставлено: {reason}"
    ),
    "invited": Phrase(en="the customer is asked for a rating", ru="клиента просят оценить"),
    "rated": Phrase(en="the customer gave {score} of 5", ru="оценка клиента: {score} из 5"),
    "moved": Phrase(en="{clock} is now due by {due}", ru="{clock}: новый срок {due}"),
    "cancelled": Phrase(en="{clock} ends: {reason}", ru="{clock}: снято, {reason}"),
    "withdrawn": Phrase(
        en="{clock}: “{verdict}” is taken back", ru="{clock}: вердикт «{verdict}» отозван"
    ),
    "confirmed": Phrase(
        en="{clock} kept for certain: the answer arrived",
        ru="{clock}: в срок окончательно, ответ дошёл",
    ),
}

NAMES: Mapping[str, Phrase] = {
    "CHANNEL_EMAIL": Phrase(en="mail", ru="письмо"),
    "CHANNEL_WEB_FORM": Phrase(en="web form", ru="форма на сайте"),
    "CHANNEL_PARTNER_API": Phrase(en="partner", ru="партнёр"),
    "CLOCK_KIND_FIRST_RESPONSE": Phrase(en="first response", ru="первый ответ"),
    "CLOCK_KIND_NEXT_RESPONSE": Phrase(en="next response", ru="следующий ответ"),
    "CLOCK_KIND_UPDATE": Phrase(en="update", ru="известие о ходе"),
    "CLOCK_KIND_RESOLUTION": Phrase(en="resolution", ru="решение"),
    "acknowledgement": Phrase(en="the acknowledgement", ru="подтверждение"),
    "answer": Phrase(en="the answer", ru="ответ"),
    "resolution": Phrase(en="the resolution", ru="сообщение о решении"),
    "survey": Phrase(en="the rating link", ru="ссылка для оценки"),
}


class Facts:
    """Tells events in one language."""

    def __init__(self, language: Language) -> None:
        """Speak this language."""
        self.language: Language = language
        self._say = Speech(PHRASES, language)
        self._tellers: dict[str, Callable[[Any], str]] = {
            "MessageReceived": self._received,
            "MessageQuarantined": lambda m: self._say("quarantined", reason=m.reason),
            "MessageRefused": lambda m: self._say("refused", reason=m.reason),
            "MessageRejected": lambda m: self._say("refused", reason=m.reason),
            "ChannelAccountChanged": lambda m: self._say("account", account=m.channel_account.name),
            "TicketOpened": self._opened,
            "MessageAppended": lambda _: self._say("appended"),
            "MessageSent": lambda m: self._say("sent", author=m.author_display_name),
            "TicketAssigned": lambda _: self._say("assigned"),
            "TicketStateChanged": lambda m: self._say(
                "state", before=m.from_state, after=m.to_state
            ),
            "TicketResolved": lambda m: self._say(
                "resolved", number=m.number, author=m.author_display_name
            ),
            "TicketReopened": lambda _: self._say("reopened"),
            "CustomerChanged": lambda _: self._say("customer"),
            "ClocksArmed": self._armed,
            "ClockStarted": lambda m: self._say("started", clock=self._kind(m), due=self._due(m)),
            "ClockPaused": lambda m: self._say("paused", clock=self._kind(m), reason=m.reason),
            "ClockResumed": lambda m: self._say("resumed", clock=self._kind(m), due=self._due(m)),
            "ClockMet": self._met,
            "ClockDeadlineMoved": lambda m: self._say(
                "moved", clock=self._kind(m), due=self._due(m)
            ),
            "ClockCancelled": lambda m: self._say(
                "cancelled", clock=self._kind(m), reason=m.reason
            ),
            "ClockVerdictWithdrawn": lambda m: self._say(
                "withdrawn", clock=self._kind(m), verdict=m.verdict
            ),
            "ClockConfirmed": lambda m: self._say("confirmed", clock=self._kind(m)),
            "ClockBreached": lambda m: self._say("breached", clock=self._kind(m)),
            "DeliveryAccepted": self._accepted,
            "DeliveryFailed": lambda m: self._say(
                "failed", template=self.name(m.template), reason=m.reason
            ),
            "SurveyInvited": lambda _: self._say("invited"),
            "RatingGiven": lambda m: self._say("rated", score=m.score),
        }

    def of(self, told: Told) -> str:
        """Tell what an event means to a person; nothing for one we have no words for."""
        teller = self._tellers.get(told.name)
        return "" if teller is None else teller(told.message)

    def name(self, word: str) -> str:
        """Say a word of the contracts as people say it."""
        phrase = NAMES.get(word)
        if phrase is None:
            return word
        return phrase.en if self.language == "en" else phrase.ru

    def instant(self, when: datetime, zone: str = HOME_ZONE) -> str:
        """Write a moment as a person in that zone reads it."""
        local = when.astimezone(ZoneInfo(zone or HOME_ZONE))
        return format_datetime(local, "d MMM HH:mm", locale=self.language)

    def _received(self, message: Any) -> str:
        said = self._say(
            "received",
            channel=self.name(Channel.Name(message.channel)),
            sender=message.sender_name or message.sender_address,
            subject=message.subject[:SUBJECT_LENGTH],
        )
        if message.attachments:
            said += self._say("files", count=len(message.attachments))
        return said + (self._say("proposed") if message.evidence else "")

    def _opened(self, message: Any) -> str:
        return self._say(
            "opened",
            number=message.number,
            priority=Priority.Name(message.priority).removeprefix("PRIORITY_"),
            service=message.service_display_name or message.service,
        )

    def _armed(self, message: Any) -> str:
        if not message.deadlines:
            return self._say("armed_none", outcome=ArmingOutcome.Name(message.outcome))
        return self._say("armed", deadlines=", ".join(map(self._deadline, message.deadlines)))

    def _deadline(self, one: Any) -> str:
        return f"{self._kind(one)} {self.instant(_at(one.due_time), one.time_zone)}"

    def _met(self, message: Any) -> str:
        if message.late:
            return self._say("met_late", clock=self._kind(message))
        minutes, seconds = divmod(message.elapsed.seconds, 60)
        elapsed = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        return self._say("met", clock=self._kind(message), elapsed=elapsed)

    def _accepted(self, message: Any) -> str:
        said = self._say("accepted", template=self.name(message.template))
        return said + (self._say("in_doubt") if message.in_doubt else "")

    def _kind(self, message: Any) -> str:
        return self.name(ClockKind.Name(message.kind))

    def _due(self, message: Any) -> str:
        return self.instant(_at(message.due_time))


def _at(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
