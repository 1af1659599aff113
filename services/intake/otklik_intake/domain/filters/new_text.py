"""What the sender wrote this time: the body without quoted mail and without the signature."""

import re
from dataclasses import replace

from otklik_intake.domain.filters import quotes, signature
from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_GAPS = re.compile(r"\n{4,}")


def find_new_text(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Take the new words. A letter that is nothing but quotes or signature keeps its whole text."""
    del scene
    return replace(finding, text=new_text(letter.text))


def new_text(body: str) -> str:
    """Return a body without quotes and signature; the whole of it if nothing is left."""
    whole = tidy(body)
    return signature.without_signature(quotes.without_quotes(whole)).strip() or whole


def tidy(body: str) -> str:
    """Return a body with plain line ends, without control characters and without wide gaps."""
    text = _CONTROL.sub("", body.replace("\r\n", "\n").replace("\r", "\n"))
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _GAPS.sub("\n\n\n", lines).strip("\n")
