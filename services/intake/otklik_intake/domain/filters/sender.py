"""Who wrote: the first address in From. Without one there is nobody to answer."""

from dataclasses import replace

from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

NO_SENDER = "no_sender"


def find_sender(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Take the sender from From; quarantine a letter that has none.

    Reply-To is not believed: whoever can write somebody's From could lead the answers, and with
    them the conversation, to himself.
    """
    del scene
    if not letter.senders:
        return replace(finding, quarantine=NO_SENDER)
    return replace(finding, sender=letter.senders[0])
