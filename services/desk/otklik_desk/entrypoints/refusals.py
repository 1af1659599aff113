"""Why a service refused an act, in words for whoever pressed the button, beside what they typed."""

from otklik_desk.entrypoints.forms import Form
from otklik_desk.ports import Services
from otklik_runtime.errors import Forbidden, InvalidInput, LimitExceeded, OtklikError

_BY_CODE = {
    "etag_mismatch": "refused.changed",
    "ticket_closed": "refused.closed",
    "form_forged": "refused.other_session",
}
_ACTOR = "agents/"


async def refused(form: Form, error: OtklikError, services: Services | None) -> Form:
    """Give the form back with the reason.

    Args:
        form: What was sent.
        error: What the service said.
        services: Whom to ask for names; None where nobody may be asked.
    """
    if error.code == "customer_wrote_again":
        return form.refused("refused.customer_wrote")
    if error.code == "request_id_reused":
        return form.again().refused("refused.sent_before")
    if error.code == "ticket_taken":
        return await _taken(form, error, services)
    if error.code == "transition_not_allowed":
        return _not_allowed(form, error)
    if error.code in _BY_CODE:
        return form.refused(_BY_CODE[error.code])
    return form.refused(_by_kind(error))


def _by_kind(error: OtklikError) -> str:
    if isinstance(error, InvalidInput):
        return "refused.invalid"
    if isinstance(error, Forbidden):
        return "refused.forbidden"
    return "refused.too_often" if isinstance(error, LimitExceeded) else "refused.unavailable"


def _not_allowed(form: Form, error: OtklikError) -> Form:
    if error.facts.get("missing"):
        return form.refused("refused.incomplete", fault="fault.missing")
    return form.refused("refused.not_now")


async def _taken(form: Form, error: OtklikError, services: Services | None) -> Form:
    agent_id = str(error.facts.get("assignee", "")).removeprefix(_ACTOR)
    try:
        name = (await services.agents()).get(agent_id, "") if services is not None else ""
    except OtklikError:
        name = ""
    return form.refused("refused.taken_by", name=name) if name else form.refused("refused.taken")
