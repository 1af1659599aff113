"""Was it written by a machine? Such mail is kept like any other, but never answered automatically.

RFC 3834 and what real systems do instead of it. When in doubt a letter counts as automatic only if
a header says so: its words decide nothing.
"""

import re
from dataclasses import replace

from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

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
    """Mark what a machine wrote."""
    return replace(finding, automatic=_is_automatic(letter, scene, finding))


def _is_automatic(letter: Letter, scene: Scene, finding: Finding) -> bool:
    if scene.item.envelope_sender == "<>" or _says_so(letter):
        return True
    if finding.sender is None:
        return False
    local = finding.sender.address.rpartition("@")[0]
    return _MACHINES.fullmatch(local) is not None or scene.accounts.is_own(finding.sender.address)


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
