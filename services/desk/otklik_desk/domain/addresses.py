"""Addresses of our own pages: where somebody may be sent after signing in."""

from urllib.parse import urlsplit

FRONT = "/tickets"
_LONGEST = 500


def own_page(wanted: str) -> str:
    r"""Give the page somebody asked for when it is one of ours, else the list of tickets.

    A browser takes `//host` and `/\host` for another host, and drops tabs and line breaks before
    it looks: nothing of the kind passes.
    """
    usable = (
        wanted.startswith("/")
        and len(wanted) <= _LONGEST
        and wanted.isprintable()
        and "\\" not in wanted
        and not wanted.startswith("//")
    )
    if not usable:
        return FRONT
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return FRONT
    return FRONT if parts.scheme or parts.netloc else wanted
