"""A mailbox for development and tests: takes every letter sent to it and shows it to people.

Nothing leaves this machine. What was taken is written to a ledger on disk before the sender is
told so, so that a test which kills senders can count what really arrived.
"""

from tools.mailbox.faults import Act, Fault
from tools.mailbox.ledger import Entry, Outcome
from tools.mailbox.letter import Attachment, Letter, read_letter
from tools.mailbox.mailbox import Mailbox
from tools.mailbox.shelf import Message

__all__ = [
    "Act",
    "Attachment",
    "Entry",
    "Fault",
    "Letter",
    "Mailbox",
    "Message",
    "Outcome",
    "read_letter",
]
