"""A partner system hands in a customer's request over gRPC, twice, as after a lost answer."""

from typing import Any

from otklik.intake.v1 import intake_service_pb2, intake_service_pb2_grpc
from otklik_runtime.ids import new_id
from tools.local.demo.stage import Stage, require
from tools.local.demo.story_letter import delivered
from tools.local.seed import partner_name
from tools.pages.language import Phrase

TITLE = Phrase(
    ru="3 · «Касса Плюс», партнёр: обращение клиента, дважды с одним request_id (gRPC)",
    en="3 · Kassa Plus, a partner: a customer's request, twice with one request_id (gRPC)",
)
ONE_TICKET = Phrase(ru="два вызова, одно обращение", en="two calls, one ticket")
CUSTOMER = "buhgalter@kofe-na-uglu.example"


async def play_partner(stage: Stage) -> None:
    """Submit the same message twice and see one ticket."""
    stage.begin(TITLE)
    partner = partner_name(stage.stack.place)
    intake: Any = await stage.callers.partner(
        partner, intake_service_pb2_grpc.IntakeServiceStub, "intake"
    )
    request = intake_service_pb2.SubmitMessageRequest(
        request_id=new_id(),
        account="channelAccounts/partner-api",
        sender_address=CUSTOMER,
        sender_name="Кофе на углу",
        subject="Терминал не видит сеть",
        text="Терминал № 7741 с обеда пишет «Нет связи с банком», перезагрузка не помогает.",
    )
    first = await intake.SubmitMessage(request)
    second = await intake.SubmitMessage(request)
    require(first.name == second.name, "one request_id made two items")
    item = await stage.fate(first.name)
    timeline = stage.timeline(item.conversation_id)
    await timeline.until("TicketOpened")
    await timeline.until("ClocksArmed")
    await delivered(stage, timeline, "acknowledgement")
    opened = [told for told in timeline.told if told.name == "TicketOpened"]
    require(len(opened) == 1, "one request_id opened two tickets")
    timeline.act(stage.say(ONE_TICKET))
