"""Which mails a letter answers, and by which ids later letters may find it."""

from dataclasses import replace

from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

MAX_REMEMBERED = 50


def find_references(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Note the Message-IDs that may name its conversation, and those that shall from now on.

    All ids a letter refers to are remembered, also of mail that never came here: the next letter
    may refer to just one of them. After a forged token nothing is looked up.
    """
    del scene
    referred = tuple(dict.fromkeys((*reversed(letter.in_reply_to), *reversed(letter.references))))
    remembered = tuple(
        dict.fromkeys((*((letter.message_id,) if letter.message_id else ()), *referred))
    )
    return replace(
        finding,
        answers_to=() if finding.forged_tokens else referred[:MAX_REMEMBERED],
        remembers=remembered[:MAX_REMEMBERED],
    )
