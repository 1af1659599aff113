"""A corpus of mails like those a support organisation gets, the same for the same seed.

Half in Russian, plain text and HTML side by side, about a fifth replies that name an earlier mail,
about a tenth with an attachment of 50 KB. Each carries a unique token in its subject, `[b00042]`,
and at the beginning of its Message-ID, by which it is found again at every end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

SENDERS = 200
REPLY_SHARE = 0.18
ATTACHMENT_SHARE = 0.108
RUSSIAN_SHARE = 0.5
_ATTACHMENT_BYTES = 50 * 1024

_RUSSIAN = (
    "Добрый день! После обновления не открывается отчёт по продажам: страница белая, ошибки нет.",
    "Не приходит код подтверждения на новый номер. Проверяли на двух телефонах.",
    "Просим выставить закрывающие документы за октябрь на новое юридическое лицо.",
    "Сотрудник не может подключиться к VPN из дома, пишет «время ожидания истекло».",
    "Как перенести справочник контрагентов между двумя базами? Инструкцию не нашли.",
)
_ENGLISH = (
    "Hello, since the last release the sales report opens as a blank page without any error.",
    "We no longer receive the confirmation code on the new number, tried on two phones.",
    "Please send the closing documents for October to our new legal entity.",
    "One of our people cannot connect to the VPN from home, it says the request timed out.",
    "How do we move the list of contractors between two databases? The manual does not say.",
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One mail: its token, who sends it, the whole of it."""

    token: str
    sender: str
    raw: bytes


def token_of(message_id: str) -> str:
    """Find the token of the mail with a Message-ID; empty if it is none of these mails."""
    return message_id.strip("<>").partition(".")[0]


def letters(count: int, *, recipient: str, seed: int = 7) -> list[Letter]:
    """Write `count` mails to a recipient."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    made: list[Letter] = []
    identifiers: list[tuple[str, str]] = []
    for number in range(count):
        token = f"b{number:05d}"
        russian = chance.random() < RUSSIAN_SHARE
        sender = f"person{chance.randrange(SENDERS):03d}@customer{chance.randrange(20):02d}.example"
        message = EmailMessage(policy=SMTP)
        identifier = f"<{token}.{chance.getrandbits(64):016x}@customer.example>"
        message["From"] = f"{'Пётр Сидоров' if russian else 'Peter Smith'} <{sender}>"
        message["To"] = recipient
        message["Message-ID"] = identifier
        message["Date"] = "Mon, 16 Nov 2026 10:00:00 +0300"
        text = chance.choice(_RUSSIAN if russian else _ENGLISH)
        if identifiers and chance.random() < REPLY_SHARE:
            earlier, sender_of_earlier = chance.choice(identifiers)
            message.replace_header("From", sender_of_earlier)
            message["In-Reply-To"] = earlier
            message["References"] = earlier
            sender = sender_of_earlier
        message["Subject"] = f"[{token}] {text.split('.')[0][:60]}"
        body = "\n\n".join([text, *chance.choices(_RUSSIAN if russian else _ENGLISH, k=4)])
        message.set_content(body + "\n\n-- \nwith kind regards\n")
        message.add_alternative(f"<html><body><p>{body}</p></body></html>", subtype="html")
        if chance.random() < ATTACHMENT_SHARE:
            message.add_attachment(
                chance.randbytes(_ATTACHMENT_BYTES),
                maintype="application",
                subtype="octet-stream",
                filename="снимок экрана.png" if russian else "screenshot.png",
            )
        identifiers.append((identifier, sender))
        made.append(Letter(token=token, sender=sender, raw=message.as_bytes()))
    return made
