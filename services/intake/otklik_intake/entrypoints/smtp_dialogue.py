"""The words of an SMTP session: commands read apart, and every answer that intake gives.

RFC 5321 with the extensions that real servers use: SIZE, PIPELINING, 8BITMIME, SMTPUTF8, STARTTLS
and enhanced status codes. An answer says what to do, since a person will find it in a bounce.
"""

import re
from dataclasses import dataclass

MAX_ADDRESS = 320
_BRACKETED = re.compile(r"\s*<([^<>]*)>\s*(.*)", re.DOTALL)
_BARE = re.compile(r"\s*([^<>\s]+)\s*(.*)", re.DOTALL)
_UNPRINTABLE = re.compile(r"[^!-~]")
_ROUTE = re.compile(r"^@[^:]*:")

OK = "250 2.0.0 OK"
BYE = "221 2.0.0 goodbye"
GO_AHEAD = "354 send the mail, end with <CRLF>.<CRLF>"
READY_FOR_TLS = "220 2.0.0 ready to start TLS"
NO_TLS = "454 4.7.0 TLS is not available here"
UNKNOWN_COMMAND = "500 5.5.2 unknown command"
LINE_TOO_LONG = "500 5.5.2 the command line is too long"
TOO_MANY_ERRORS = "421 4.7.0 too many unknown commands, closing"
HELLO_FIRST = "503 5.5.1 say EHLO first"
MAIL_FIRST = "503 5.5.1 say MAIL FROM first"
RECIPIENT_FIRST = "503 5.5.1 name a recipient with RCPT TO first"
NESTED_MAIL = "503 5.5.1 a mail is being sent already, say RSET to drop it"
SYNTAX_HELLO = "501 5.5.4 syntax: EHLO hostname"
SYNTAX_MAIL = "501 5.5.4 syntax: MAIL FROM:<address> [SIZE=bytes] [BODY=8BITMIME] [SMTPUTF8]"
SYNTAX_RECIPIENT = "501 5.5.4 syntax: RCPT TO:<address>"
SYNTAX_DATA = "501 5.5.4 syntax: DATA"
UNKNOWN_PARAMETER = "555 5.5.4 a parameter is not known here"
SENDER_OK = "250 2.1.0 sender accepted"
RECIPIENT_OK = "250 2.1.5 recipient accepted"
TOO_MANY_RECIPIENTS = "452 4.5.3 too many recipients, send the rest in another mail"
NO_VERIFY = "252 2.1.5 send the mail and see"
TRY_LATER = "451 4.3.0 the mail cannot be stored at the moment, try again later"
BUSY = "452 4.3.1 too much mail at once, try again in a minute"
TOO_MANY_SESSIONS = "421 4.3.2 too many connections, try again in a minute"
IDLE = "421 4.4.2 nothing was said for too long, closing"
GOING_DOWN = "421 4.3.2 this server is going down, try again in a minute"
COMMANDS = "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY STARTTLS QUIT"


def greeting(hostname: str) -> str:
    """Say hello."""
    return f"220 {hostname} ESMTP Otklik"


def extensions(hostname: str, *, max_bytes: int, tls: bool) -> list[str]:
    """Say what is understood here."""
    said = [hostname, f"SIZE {max_bytes}", "PIPELINING", "8BITMIME", "SMTPUTF8"]
    said += ["STARTTLS"] if tls else []
    said += ["ENHANCEDSTATUSCODES"]
    return [f"250-{word}" for word in said[:-1]] + [f"250 {said[-1]}"]


def too_large(max_bytes: int) -> str:
    """Refuse a mail over the limit and name it."""
    megabytes = max_bytes // (1024 * 1024)
    return (
        f"552 5.3.4 the mail is larger than {megabytes} MB ({max_bytes} bytes), the limit here; "
        "send large files in several mails or as a link"
    )


def unknown_recipient(address: str, known: str) -> str:
    """Refuse an address that is not ours and say which one to write to."""
    shown = _UNPRINTABLE.sub("?", address[:MAX_ADDRESS])
    advice = f"check the spelling, or write to {known}" if known else "check the spelling"
    return f"550 5.1.1 <{shown}> is not an address of this desk; {advice}"


def accepted(item_name: str) -> str:
    """Confirm that a mail is stored for good."""
    return f"250 2.0.0 stored as {item_name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """What MAIL FROM said; the null sender is `<>`."""

    address: str
    announced_bytes: int


def read_sender(argument: str) -> Sender | str:
    """Read the argument of MAIL; a text is the refusal."""
    path = _path("FROM:", argument)
    if path is None:
        return SYNTAX_MAIL
    address, parameters = path
    announced = 0
    for parameter in parameters.split():
        name, _, value = parameter.upper().partition("=")
        if name == "SIZE" and value.isdigit() and len(value) < 20:  # noqa: PLR2004 - as RFC 1870
            announced = int(value)
        elif (name, value) not in {("BODY", "7BIT"), ("BODY", "8BITMIME"), ("SMTPUTF8", "")}:
            return UNKNOWN_PARAMETER
    return Sender(address=address or "<>", announced_bytes=announced)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """What RCPT TO said."""

    address: str


def read_recipient(argument: str) -> Recipient | str:
    """Read the argument of RCPT; a text is the refusal."""
    path = _path("TO:", argument)
    if path is None or not path[0]:
        return SYNTAX_RECIPIENT
    address, parameters = path
    return UNKNOWN_PARAMETER if parameters.strip() else Recipient(address=_ROUTE.sub("", address))


def _path(keyword: str, argument: str) -> tuple[str, str] | None:
    """Read `FROM:<address> parameters`; the brackets are often forgotten."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    rest = argument[len(keyword) :]
    found = _BRACKETED.fullmatch(rest) or _BARE.fullmatch(rest)
    if found is None or len(found[1]) > MAX_ADDRESS or not found[1].isprintable():
        return None
    return found[1].strip(), found[2]
