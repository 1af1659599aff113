"""Whose conversation a letter continues, by a token that we signed.

A token travels with everything we send: in the address that is answered to (`support+<token>@`), in
our Message-IDs (`<otklik.<token>.<delivery>@...>`), and in a line of the body, for mailers that
drop both. A token that looks like ours and is not opens a new conversation, whatever else the
letter refers to: somebody tried to get into another's.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from otklik_intake.domain.addresses import tag_of
from otklik_intake.domain.events import Evidence
from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

_MIN_LENGTH = 20
_TOKEN = re.compile(r"[a-z0-9_-]{20,120}", re.IGNORECASE)
_OWN_ID = re.compile(
    r"<otklik\.([a-z0-9_-]{20,120})\.[^@<>\s]{1,100}@[^<>\s]{1,255}>", re.IGNORECASE
)
_MARKER = re.compile(r"\[otklik:([a-z0-9_-]{20,120})\]", re.IGNORECASE)
_MARKERS = 5


def find_conversation(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Propose the conversation of the first token that verifies; count those that do not."""
    forged: set[str] = set()
    for token in _tokens(letter, scene):
        if token in forged:
            continue
        conversation_id = scene.conversation_of(token)
        if conversation_id is not None:
            return replace(finding, conversation_id=conversation_id, evidence=Evidence.TOKEN)
        forged.add(token)
    return replace(finding, forged_tokens=len(forged))


def _tokens(letter: Letter, scene: Scene) -> Iterator[str]:
    """Give what looks like a token, the strongest place first."""
    addresses = [*scene.item.recipients, *(one.address for one in (*letter.to, *letter.cc))]
    for address in addresses:
        tag = tag_of(address)
        if len(tag) >= _MIN_LENGTH and scene.accounts.is_own(address) and _TOKEN.fullmatch(tag):
            yield tag
    for message_id in reversed((*letter.references, *letter.in_reply_to)):
        own = _OWN_ID.fullmatch(message_id)
        if own is not None:
            yield own[1]
    for number, marker in enumerate(_MARKER.finditer(letter.text)):
        if number < _MARKERS:
            yield marker[1]
