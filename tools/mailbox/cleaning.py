"""Makes the HTML of a stranger's letter safe to look at, as a document that stands alone.

Scripts, styles, forms and everything that would be fetched go; pictures that came inside the
letter stay, written into the document. The document is shown in a sandboxed frame all the same.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import nh3

from tools.mailbox.letter import Attachment

_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_LARGEST_PICTURE = 2 * 1024 * 1024
_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}
_STYLE = (
    ":root{color-scheme:light}"
    "body{margin:1rem;font:15px/1.5 system-ui,'DejaVu Sans',sans-serif;color:#1b2126;"
    "background:#fff;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}a{color:#0b6b63}table{border-collapse:collapse}"
    "td,th{padding:.2rem .5rem;vertical-align:top}"
    "blockquote{margin:.5rem 0;padding-left:.8rem;border-left:3px solid #dde2e7;color:#55606b}"
)
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
LETTER_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    f"style-src 'sha256-{_STYLE_DIGEST}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True, kw_only=True)
class CleanedLetter:
    """A document to show, and how many pictures from elsewhere were left out."""

    document: str
    foreign_pictures: int


def cleaned(html: str, attachments: Sequence[Attachment], language: str) -> CleanedLetter:
    """Clean a letter's HTML."""
    inside = {
        attachment.content_id: attachment
        for attachment in attachments
        if attachment.content_id
        and attachment.content_type in _PICTURES
        and attachment.size <= _LARGEST_PICTURE
    }
    foreign = 0

    def keep(tag: str, attribute: str, value: str) -> str | None:
        nonlocal foreign
        if attribute == "src":
            scheme, _, rest = value.strip().partition(":")
            picture = inside.get(rest) if scheme.lower() == "cid" else None
            if tag == "img" and picture is not None:
                return f"data:{picture.content_type};base64,{b64encode(picture.content).decode()}"
            foreign += scheme.lower() in ("http", "https")
            return None
        # A data: link would leave the sandbox with the letter's own document in it.
        if value.strip().lower().startswith(("data:", "cid:")):
            return None
        return value

    body = nh3.clean(
        html,
        attribute_filter=keep,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    document = (
        f'<!doctype html><html lang="{nh3.escape(language)}"><head><meta charset="utf-8">'
        f"<title>HTML</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    return CleanedLetter(document=document, foreign_pictures=foreign)
