"""Signatures: what a sender's mailer adds under every letter, in Russian and English."""

import re

_MAX_LINE = 120
_CLOSING_LINES = 8

_DELIMITER = re.compile(r"--\s?")
_DEVICE = re.compile(
    r"(?:отправлено (?:с|из) .{2,60}|sent from (?:my )?.{2,60}|get outlook for .{2,20}"
    r"|скачать outlook для .{2,20}|получите outlook для .{2,20})\.?",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:с уважением|с наилучшими (?:пожеланиями)?|с благодарностью"
    r"|всего (?:доброго|наилучшего)|искренне ваша?"
    r"|(?:best|kind|warm) (?:regards|wishes)|regards|sincerely(?: yours)?"
    r"|yours (?:faithfully|sincerely|truly)|best|cheers|thanks and regards|with best regards)"
    r"\s?[,.!—-]{0,2}(?:\s?.{0,60})?",
    re.IGNORECASE,
)
_RULE = re.compile(r"[_\-=*]{3,}")


def without_signature(text: str) -> str:
    """Return a text without its signature.

    The standard delimiter ends a letter wherever it stands. A device's line and a closing phrase
    count only near the end, and only if words remain above them.
    """
    lines = text.rstrip().split("\n")
    for place, line in enumerate(lines):
        if _DELIMITER.fullmatch(line) and any(one.strip() for one in lines[:place]):
            lines = lines[:place]
            break
    lines = _without_device(lines)
    return "\n".join(_without_closing(lines)).rstrip()


def _without_device(lines: list[str]) -> list[str]:
    kept = _trimmed(lines)
    while kept and (
        _DEVICE.fullmatch(kept[-1].strip()[:_MAX_LINE]) or _RULE.fullmatch(kept[-1].strip())
    ):
        kept = _trimmed(kept[:-1])
    return kept or lines


def _without_closing(lines: list[str]) -> list[str]:
    """Cut from the closing phrase on, if what follows is as short as a signature is."""
    first = max(1, len(lines) - _CLOSING_LINES)
    for place in range(first, len(lines)):
        line = lines[place].strip()
        if len(line) <= _MAX_LINE and _CLOSING.fullmatch(line) and _is_block(lines[place:]):
            kept = _trimmed(lines[:place])
            return kept or lines
    return lines


def _is_block(lines: list[str]) -> bool:
    return all(len(line) <= _MAX_LINE and not line.rstrip().endswith("?") for line in lines)


def _trimmed(lines: list[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept
