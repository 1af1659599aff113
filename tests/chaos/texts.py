"""What the load's customers write: real sentences in two languages, each with its token."""

import random
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from tests.chaos.ledger import Attempt

SUPPORT = "support@otklik.example"
# Few senders: several messages of one who is new arrive at once and must find one customer.
SENDERS = 40

_RUSSIAN = (
    "Пропал интернет в магазине на Садовой, кассы стоят с утра.",
    "Не приходит код подтверждения на новый номер, проверяли на двух телефонах.",
    "Просим выставить счёт за октябрь на новое юридическое лицо.",
    "Терминал пишет «нет связи с банком», перезагрузка не помогает.",
)
_ENGLISH = (
    "The internet has been down in our office since nine in the morning.",
    "We no longer receive the confirmation code on the new number.",
    "Please send the invoice for October to our new legal entity.",
    "The terminal says there is no connection to the bank.",
)


@dataclass(frozen=True, kw_only=True)
class Text:
    """One message of one customer."""

    sender: str
    name: str
    subject: str
    body: str
    locale: str


def write(attempt: Attempt, chance: random.Random) -> Text:
    """Write a message with the attempt's token in subject and body."""
    russian = chance.random() < 0.5
    sentence = chance.choice(_RUSSIAN if russian else _ENGLISH)
    number = chance.randrange(SENDERS)
    return Text(
        sender=f"person{number:02}@customer{number % 7}.example",
        name="Пётр Сидоров" if russian else "Peter Smith",
        subject=f"{sentence[:50]} [{attempt.token}]",
        body=f"{sentence}\n\n{attempt.token}\n",
        locale="ru" if russian else "en",
    )


def letter(text: Text, attempt: Attempt, *, answers: str = "") -> bytes:
    """Make a mail of it; `answers` is the Message-ID of an earlier letter of the same sender."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{text.name} <{text.sender}>"
    message["To"] = SUPPORT
    message["Subject"] = text.subject
    message["Message-ID"] = message_id(attempt.token)
    message["Date"] = "Mon, 16 Nov 2026 10:00:00 +0300"
    if answers:
        message["In-Reply-To"] = message["References"] = answers
    message.set_content(text.body)
    return message.as_bytes()


def message_id(token: str) -> str:
    """Name the letter with this token, the same at every retry."""
    return f"<{token}@customer.example>"
