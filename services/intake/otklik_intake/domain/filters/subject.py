"""What the letter is about, in one line."""

from dataclasses import replace

from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

MAX_SUBJECT = 500


def find_subject(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Take the subject, cut to what an event may carry, and the letter's Message-ID."""
    del scene
    return replace(
        finding,
        subject=letter.subject[:MAX_SUBJECT],
        internet_message_id=letter.message_id,
    )
