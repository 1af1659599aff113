"""Quoted mail: what mailers put under, over or between the new words, in Russian and English."""

import re

_MAX_LINE = 300
_ATTRIBUTION_LINES = 3

_MAX_LINES = 5000

# Where no line looks like this, nothing is quoted.
_SUSPICIOUS = re.compile(r"\s{0,3}(?:>|\||-|\*|from|от|begin|начало)", re.IGNORECASE)
_QUOTED = re.compile(r"\s{0,3}(?:>|\|\s)")

# What a mailer writes before it quotes. Each is tried against one line, and against two or three
# joined, because mailers wrap them.
_ATTRIBUTIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"on .{6,200} wrote\s?:",
        r"le .{6,200} a écrit\s?:",
        r".{1,150}<[^<>\s]{3,}@[^<>\s]{3,}>\s?(?:wrote|writes|пишет|писал\(?а?\)?|написал\(?а?\)?)?\s?:",
        r".{0,150}\d{1,2}[:.]\d{2}.{0,150}(?:wrote|writes|пишет|писала?|писал\(а\)|написала?|написал\(а\))\s?:",
        r"(?:вы|you) (?:писали|написали|wrote).{0,150}:?",
        r".{1,100}(?:пишет|писал|писала|написал|написала|написал\(а\)|wrote)\s?:",
        # Mail.ru: Понедельник, 3 ноября 2025, 14:00 +03:00 от Имя <a@b>:
        r"(?:понедельник|вторник|среда|четверг|пятница|суббота|воскресенье),? .{6,80} от .{1,150}:",
        # Gmail in Russian: пн, 3 нояб. 2025 г. в 14:00, Имя <a@b>:
        r"(?:пн|вт|ср|чт|пт|сб|вс),? \d{1,2} .{6,200}:",
    )
)
# Outlook and its kin quote without any mark: what follows such a line is quoted to the end.
_ORIGINALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"-{2,}\s?(?:original (?:message|appointment)|reply message)\s?-{2,}",
        r"-{2,}\s?(?:исходное|первоначальное) сообщение\s?-{2,}",
        r"\*{0,2}-{4,}.{0,20}(?:original message|исходное сообщение).{0,20}-{4,}\*{0,2}",
    )
)
_HEADER_FIELDS = (
    re.compile(r"\*?(?:from|от(?: кого)?)\*?\s?:\*?\s?.{1,250}", re.IGNORECASE),
    re.compile(r"\*?(?:sent|date|отправлено|дата|послано)\*?\s?:\*?\s?.{1,250}", re.IGNORECASE),
    re.compile(r"\*?(?:to|кому)\*?\s?:\*?\s?.{1,250}", re.IGNORECASE),
    re.compile(r"\*?(?:subject|тема)\*?\s?:\*?.{0,250}", re.IGNORECASE),
)
_HEADER_FIELDS_NEEDED = 3
_HEADER_LINES = 6
_RULE = re.compile(r"[_\-=]{5,}")
_FORWARDED = re.compile(
    r"-{2,}\s?(?:forwarded message|пересылаемое сообщение|переадресованное сообщение"
    r"|пересланное сообщение).{0,20}"
    r"|begin forwarded message:|начало (?:пересылаемого|переадресованного) сообщения:.{0,20}",
    re.IGNORECASE,
)


def without_quotes(text: str) -> str:
    """Return a text without quoted mail; a forwarded mail is not a quote, it is what was sent."""
    lines = text.split("\n")
    if not any(_SUSPICIOUS.match(line) for line in lines[:_MAX_LINES]):
        return text
    kept: list[str] = []
    place = 0
    while place < len(lines):
        if place >= _MAX_LINES:
            # Nobody writes so much by hand: what follows is a log, and is kept.
            kept.extend(lines[place:])
            break
        line = lines[place].strip()[:_MAX_LINE]
        if _FORWARDED.match(line):
            return "\n".join(kept + lines[place:])
        if _SUSPICIOUS.match(line) and _begins_original(lines, place):
            break
        length = 0 if _QUOTED.match(line) else _attribution_length(lines, place)
        if _QUOTED.match(line) or length:
            place += max(1, length)
            continue
        kept.append(lines[place])
        place += 1
    return "\n".join(_without_rule(kept)).strip()


def _attribution_length(lines: list[str], place: int) -> int:
    """Return how many lines from here are one attribution: 0 if none is.

    A line that merely looks like one is kept: an attribution is followed by a quote, or by nothing
    but quotes to the end.
    """
    for length in range(1, _ATTRIBUTION_LINES + 1):
        if place + length > len(lines) or not lines[place + length - 1].strip():
            return 0
        joined = " ".join(line.strip() for line in lines[place : place + length])[:_MAX_LINE]
        if _quote_follows(lines, place + length) and any(
            one.fullmatch(joined) for one in _ATTRIBUTIONS
        ):
            return length
    return 0


def _quote_follows(lines: list[str], place: int) -> bool:
    """Say whether the next line that is not blank is quoted."""
    for line in lines[place : place + _ATTRIBUTION_LINES]:
        if line.strip():
            return _QUOTED.match(line) is not None
    return False


def _begins_original(lines: list[str], place: int) -> bool:
    line = lines[place].strip()[:_MAX_LINE]
    if any(one.fullmatch(line) for one in _ORIGINALS):
        return True
    if _HEADER_FIELDS[0].fullmatch(line) is None:
        return False
    following = lines[place + 1].strip()[:_MAX_LINE] if place + 1 < len(lines) else ""
    if not any(field.fullmatch(following) for field in _HEADER_FIELDS[1:]):
        return False
    block = [one.strip()[:_MAX_LINE] for one in lines[place : place + _HEADER_LINES]]
    found = sum(any(field.fullmatch(one) for one in block) for field in _HEADER_FIELDS)
    return found >= _HEADER_FIELDS_NEEDED


def _without_rule(kept: list[str]) -> list[str]:
    """Drop the line of underscores that Outlook draws above what it quotes."""
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and _RULE.fullmatch(kept[-1].strip()):
        kept.pop()
    return kept
