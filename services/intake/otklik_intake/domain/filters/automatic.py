"""Was it written by a machine? Such mail is kept like any other, but never answered automatically.

RFC 3834 and what real systems do instead of it. When in doubt a letter counts as automatic only if
a header says so: its words decide nothing.
"""

import re
from dataclasses import replace

from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

NULL_SENDER = "<>"

_PRESENT = (
    "list-id",
    "list-unsubscribe",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-loop",
    "feedback-id",
)
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_SUPPRESSED = frozenset({"all", "oof", "autoreply"})
_MACHINES = re.compile(
    r"(?:mailer-?daemon|postmaster|no-?reply|do-?not-?reply|donotreply|bounces?)(?:[+=._-].*)?",
    re.IGNORECASE,
)
_REPORT = "multipart/report"


def find_automatic(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Mark what a machine wrote, and what came back from ourselves."""
    own = finding.sender is not None and scene.accounts.is_own(finding.sender.address)
    automatic = own or is_automatic(letter, envelope_sender=scene.item.envelope_sender)
    return replace(finding, automatic=automatic)


def is_automatic(letter: Letter, *, envelope_sender: str = "") -> bool:
    """Say whether a machine wrote a letter, by its envelope, its headers and its sender."""
    if NULL_SENDER in {envelope_sender, letter.first("return-path")} or _says_so(letter):
        return True
    local = letter.senders[0].address.rpartition("@")[0] if letter.senders else ""
    return _MACHINES.fullmatch(local) is not None


def _says_so(letter: Letter) -> bool:
    submitted = letter.first("auto-submitted").partition(";")[0].strip().lower()
    if submitted not in {"", "no"}:
        return True
    if letter.first("precedence").strip().lower() in _BULK:
        return True
    suppressed = {
        word.strip().lower() for word in letter.first("x-auto-response-suppress").split(",")
    }
    if suppressed & _SUPPRESSED:
        return True
    if letter.first("content-type").lower().startswith(_REPORT):
        return True
    return any(name in letter.headers for name in _PRESENT)
