"""The words of an HTML body, for mail that has no plain one.

Not the standard library's parser: it needs minutes for some hundred kilobytes of hostile HTML. This
one cuts at angle brackets and looks at every piece once; what it loses in exactness, nobody reads.
"""

import re
from collections.abc import Iterator
from html import unescape

MAX_CHARACTERS = 1024 * 1024
_SILENT = frozenset({"head", "noframes", "noscript", "script", "style", "template", "title"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre",
    "section", "table", "tr", "ul",
})  # fmt: skip
_TAG = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]{0,20})(?=[\s/>]|$)")
_BLANKS = re.compile(r"[\s\u00a0]+")
_GAPS = re.compile(r"\n{3,}")
_HALF_LETTERS = re.compile(r"[\ud800-\udfff]")


class _Words:
    """Collects lines of text; a quotation gets the `> ` that plain mail would have."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._silent = ""
        self._quoted = 0

    def tag(self, name: str, *, closes: bool) -> None:
        """Meet a tag."""
        if self._silent:
            # A head that is never closed must not silence the letter.
            if (closes and name == self._silent) or name == "body":
                self._silent = ""
            return
        if name in _SILENT and not closes:
            self._silent = name
        elif name in _BLOCKS:
            self.end_line(blank=closes and name == "p")
            if name == "blockquote":
                self._quoted = max(0, self._quoted + (-1 if closes else 1))

    def text(self, piece: str) -> None:
        """Meet text."""
        if not self._silent:
            self._line.append(piece)

    def end_line(self, *, blank: bool = False) -> None:
        """Begin another line, if there is anything on this one."""
        line = _BLANKS.sub(" ", unescape("".join(self._line))).strip()
        self._line.clear()
        if line:
            self.lines.append(f"> {line}" if self._quoted else line)
        if blank and line:
            self.lines.append("")


def words_of(html: str) -> str:
    """Return the text of an HTML document, line by line; broken HTML gives what can be had."""
    words = _Words()
    for piece, is_tag in _pieces(html[:MAX_CHARACTERS]):
        if not is_tag:
            words.text(piece)
        elif (found := _TAG.match(piece)) is not None:
            words.tag(found[1].lower(), closes=piece.startswith("/"))
    words.end_line()
    return _HALF_LETTERS.sub("\ufffd", _GAPS.sub("\n\n", "\n".join(words.lines)).strip())


def _pieces(html: str) -> Iterator[tuple[str, bool]]:
    """Cut a document into text and tags; comments are left out."""
    first, *rest = html.split("<")
    yield first, False
    commented = False
    for piece in rest:
        if commented or piece.startswith("!--"):
            _, end, after = piece.partition("-->")
            commented = not end
            yield after, False
        elif piece[:1].isalpha() or piece[:1] in {"/", "!", "?"}:
            tag, _, after = piece.partition(">")
            yield tag, True
            yield after, False
        else:
            yield f"<{piece}", False
