"""Draws a trace as a tree of text lines, for a terminal: `make demo` prints one this way."""

from tools.pages.formats import duration
from tools.pages.language import Language, Speech
from tools.traces.model import Branch, Span, SpanLink, Trace
from tools.traces.phrases import PHRASES
from tools.traces.store import TraceStore

_SHORT_ID = 8


def tree(trace: Trace, *, language: Language = "en", store: TraceStore | None = None) -> str:
    """Draw a whole trace: offset, duration, service and name of each span, and its links.

    Args:
        trace: what to draw.
        language: of the heading, the units and the notes.
        store: where links are looked up, so that the other side is named and not only numbered,
            and links that point here are shown too.
    """
    say = Speech(PHRASES, language)
    branches = list(trace.branches())
    width = max(len(branch.span.service) for branch in branches)
    lines = [_heading(trace, say)]
    for place, branch in enumerate(branches):
        deeper = place + 1 < len(branches) and branches[place + 1].depth > branch.depth
        lines.append(_line(trace, branch, say, width))
        notes = _notes(branch, say, store)
        margin = " " * (24 + width) + _continuation(branch, deeper=deeper)
        lines += [margin + note for note in notes]
    return "\n".join(lines)


def _heading(trace: Trace, say: Speech) -> str:
    parts = [
        f"{say('trace')} {trace.trace_id}",
        say("span_count", count=len(trace.spans)),
        say("service_count", count=len(trace.services)),
        duration(trace.duration_ns, say.language),
    ]
    if trace.failures:
        parts.append(say("failure_count", count=trace.failures))
    return " · ".join(parts)


def _line(trace: Trace, branch: Branch, say: Speech, width: int) -> str:
    span = branch.span
    offset = "+" + duration(span.start_ns - trace.start_ns, say.language)
    lasted = duration(span.duration_ns, say.language)
    text = f"{offset:>11} {lasted:>10}  {span.service:<{width}}"
    text += f"{_guides(branch)}{span.name}"
    if span.failed:
        text += f"  ✗ {span.status_message or say('failed')}"
    return text


def _guides(branch: Branch) -> str:
    if not branch.last:
        return "  "
    above = "".join("   " if last else "│  " for last in branch.last[:-1])
    return "  " + above + ("└─ " if branch.last[-1] else "├─ ")


def _continuation(branch: Branch, *, deeper: bool) -> str:
    passing = "".join("   " if last else "│  " for last in branch.last)
    return "  " + passing + ("│  " if deeper else "   ")


def _notes(branch: Branch, say: Speech, store: TraceStore | None) -> list[str]:
    span = branch.span
    notes = []
    if branch.parent_missing and span.parent_id is not None:
        notes.append(say("parent_missing", id=span.parent_id))
    notes += [say("tree_link", target=_link(link, span, store)) for link in span.links]
    if store is not None:
        notes += [
            say("tree_linked_from", target=_other(linker, span))
            for linker in store.linked_from(span)
        ]
    return notes


def _link(link: SpanLink, source: Span, store: TraceStore | None) -> str:
    target = store.find(link.trace_id, link.span_id) if store is not None else None
    if target is not None:
        return _other(target, source)
    return f"{link.span_id} ({link.trace_id})"


def _other(other: Span, here: Span) -> str:
    name = f"{other.service} · {other.name}"
    if other.trace_id == here.trace_id:
        return name
    return f"{name} ({other.trace_id[:_SHORT_ID]}…)"
