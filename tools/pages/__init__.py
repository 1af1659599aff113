"""What the development pages share: one look, two languages, one guard, one way to be served."""

from tools.pages.document import Pages
from tools.pages.guard import guarded_app
from tools.pages.language import Counted, Language, Phrase, Speech, language_of
from tools.pages.server import PageServer, PortBusy, loopback_socket

__all__ = [
    "Counted",
    "Language",
    "PageServer",
    "Pages",
    "Phrase",
    "PortBusy",
    "Speech",
    "guarded_app",
    "language_of",
    "loopback_socket",
]
