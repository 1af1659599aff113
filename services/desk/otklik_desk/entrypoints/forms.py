"""Forms of the desk: what was typed is never lost, whatever is wrong.

A form carries the id of its request, so that a second press does nothing twice, and the mark of
its session, so that no other site can send it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fastapi import Request

from otklik_desk.domain.errors import FormForged
from otklik_runtime import ids

MOST_CHARACTERS = 65_536
_MOST_FIELDS = 20
_OWN_SITES = ("same-origin", "none")

ANSWER, NOTE, RESOLVE, TAKE = "answer", "note", "resolve", "take"
# Acts that have a way of their own; all others are moves of the state matrix.
OWN = (ANSWER, NOTE, RESOLVE, TAKE)
# What each must be given, beside what the state matrix says.
NEEDS_TEXT = (ANSWER, NOTE, RESOLVE)


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form, as it stands on a page or came back from it.

    Attributes:
        act: What it does: `answer`, `note`, `resolve`, `take`, or an act of the state matrix.
        text: What was typed.
        request_id: The id of this sending, however often the button is pressed.
        etag: The state of the ticket that the writer has seen.
        seen: The customer's newest message that the writer has seen.
        mark: The mark of the session.
        fault: What is wrong with the text, as a key of the catalogue.
        refusal: Why it was refused, as a key of the catalogue.
        facts: What the refusal's text needs.
    """

    act: str
    text: str = ""
    request_id: str = field(default_factory=ids.new_id)
    etag: str = ""
    seen: str = ""
    mark: str = ""
    fault: str = ""
    refusal: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def went_wrong(self) -> bool:
        """Whether it came back."""
        return bool(self.fault or self.refusal)

    def refused(self, refusal: str, *, fault: str = "", **facts: str) -> "Form":
        """Give the form back with the reason."""
        return replace(self, refusal=refusal, fault=fault, facts=facts)

    def again(self) -> "Form":
        """Give it an id of its own: the old one belongs to something that was sent."""
        return replace(self, request_id=ids.new_id())


async def form_of(request: Request, act: str) -> Form:
    """Read a form that was sent.

    Raises:
        FormForged: the browser says that a page of another site sent it. Its text is not kept:
            nobody here wrote it.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in _OWN_SITES:
        raise FormForged
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as sent:
        given = {name: value for name, value in sent.items() if isinstance(value, str)}
    request_id = given.get("request_id", "")
    return Form(
        act=act,
        # Browsers send line ends as mail has them; texts are kept with plain ones.
        text=given.get("text", "").replace("\r\n", "\n").strip("\n"),
        request_id=request_id if ids.is_id(request_id) else ids.new_id(),
        etag=given.get("etag", ""),
        seen=given.get("seen", ""),
        mark=given.get("mark", ""),
    )


def fault_of(form: Form) -> str:
    """Say what is wrong with a form before anybody is asked; empty for nothing."""
    if form.act in NEEDS_TEXT and not form.text.strip():
        return f"fault.empty.{form.act}"
    if len(form.text) > MOST_CHARACTERS:
        return "fault.too_long"
    return ""
