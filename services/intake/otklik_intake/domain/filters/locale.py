"""The language to answer in."""

from dataclasses import replace

from otklik_intake.domain import language
from otklik_intake.domain.finding import Finding, Scene
from otklik_intake.domain.letter import Letter


def find_locale(letter: Letter, scene: Scene, finding: Finding) -> Finding:
    """Find the language from the new words, then from the subject, else take the account's."""
    del letter
    default = language.of_text(finding.subject, default=scene.account.default_locale)
    return replace(finding, locale=language.of_text(finding.text, default=default))
