"""The words of an HTML body, for mail that has no plain one."""

import re
from html.parser import HTMLParser

MAX_CHARACTERS = 1024 * 1024
_SILENT = frozenset({"head", "noframes", "noscript", "script", "style", "template", "title"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre",
    "section", "table", "tr", "ul",
})  # fmt: skip
_QUOTES = frozenset({"blockquote"})
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_GAPS = re.compile(r"\n{3,}")


class _Words(HTMLParser):
    """Collects text; a quotation gets the `> ` that plain mail would have."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._silent = 0
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, a quotation, or something that is not read."""
        del attrs
        if tag in _SILENT:
            self._silent += 1
        elif tag == "body":
            self._silent = 0  # a head that was never closed must not silence the letter
        elif tag in _BLOCKS:
            self._break()
        if tag in _QUOTES:
            self._quoted += 1
            self._break()

    def handle_endtag(self, tag: str) -> None:
        """End what `handle_starttag` began."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS and tag != "br":
            self._break()
        if tag in _QUOTES:
            self._quoted = max(0, self._quoted - 1)
            self._break()
        if tag == "p":
            self._break(blank=True)

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        if self._silent:
            return
        if not self.lines[-1] and self._quoted:
            self.lines[-1] = "> "
        self.lines[-1] += data.replace("\n", " ")

    def _break(self, *, blank: bool = False) -> None:
        if self.lines[-1].strip(" >") or blank:
            self.lines.append("")
        else:
            self.lines[-1] = ""


def words_of(html: str) -> str:
    """Return the text of an HTML document, line by line; broken HTML gives what can be had."""
    words = _Words()
    words.feed(html[:MAX_CHARACTERS])
    words.close()
    lines = (_BLANKS.sub(" ", line).strip() for line in words.lines)
    return _GAPS.sub("\n\n", "\n".join(lines)).strip()
