"""What happens to a letter, in this order; one concern a file.

A filter gets the letter, the scene and the finding so far, and returns the finding with what it
found. The first that sets `quarantine` ends the reading.
"""

from otklik_intake.domain.filters import (
    automatic,
    locale,
    new_text,
    references,
    sender,
    subject,
    thread_token,
)
from otklik_intake.domain.finding import Filter

FILTERS: tuple[Filter, ...] = (
    sender.find_sender,
    subject.find_subject,
    automatic.find_automatic,
    new_text.find_new_text,
    locale.find_locale,
    thread_token.find_conversation,
    references.find_references,
)
