"""A Russian letter by mail: from the SMTP session to the rating link."""

import re

from otklik.tickets.v1 import ticket_pb2, ticket_service_pb2
from otklik_runtime.ids import new_id
from tools.local.demo import post
from tools.local.demo.browser import Browser
from tools.local.demo.stage import Stage, require
from tools.local.demo.timeline import Timeline
from tools.local.home import ROOT
from tools.mailbox import Letter
from tools.pages.language import Phrase

LETTER = ROOT / "demo/mail/internet-in-three-shops.eml"
CUSTOMER = "anna.sokolova@bereg-market.example"
RATING_LINK = re.compile(r"https?://[^\s<>\"]+/r/[a-z0-9]+")

TITLE = Phrase(
    ru="1 · Анна Соколова, «Берег Маркет»: письмо в koi8-r, HTML и текст, с вложением (SMTP)",
    en="1 · Anna Sokolova, Bereg Market: a letter in koi8-r, HTML and plain, with a file (SMTP)",
)
IN_HER_MAILBOX = Phrase(ru="в почте Анны: «{subject}»", en="in Anna's mailbox: “{subject}”")
AGENT_ANSWERS = Phrase(
    ru="Мария Иванова берёт обращение и отвечает (gRPC)",
    en="Maria Ivanova takes the ticket and answers (gRPC)",
)
SHE_REPLIES = Phrase(ru="Анна отвечает на это письмо", en="Anna replies to that letter")
AGENT_RESOLVES = Phrase(ru="Мария решает обращение (gRPC)", en="Maria resolves the ticket (gRPC)")
SHE_RATES = Phrase(
    ru="Анна открывает ссылку из письма и ставит пять",
    en="Anna opens the link in the letter and gives five",
)

ANSWER = """Здравствуйте, Анна!

Вижу обрыв на магистрали у Лесной, бригада уже выехала. Скажите, пожалуйста: лампочка «WAN»
на роутере в магазине № 2 горит или мигает?
"""
REPLY = "Мигает оранжевым во всех трёх магазинах. Бригаду видим, уже копают."
RESOLUTION = """Обрыв устранён в 11:42, связь есть во всех трёх магазинах, потерь пакетов нет.
Разовый перерасчёт за простой сделаем в следующем счёте.
"""
COMMENT = "Быстро и по-человечески, спасибо!"


async def play_letter(stage: Stage) -> str:
    """Play the whole life of a request, and give the id of its trace."""
    stage.begin(TITLE)
    receipt = await post.send(post.as_new(LETTER.read_bytes()), port=stage.stack.ports.intake_smtp)
    require(receipt.accepted and receipt.item, f"intake answered {receipt.code} {receipt.text}")
    item = await stage.fate(receipt.item)
    timeline = stage.timeline(item.conversation_id)
    opened = await timeline.until("TicketOpened")
    await timeline.until("ClocksArmed")
    await _acknowledged(stage, timeline)

    ticket = await _answered(stage, timeline, f"tickets/{opened.message.ticket_id}")
    await _customer_replies(stage, timeline, ticket)
    await _resolved(stage, timeline, ticket)
    await _rated(stage, timeline)
    return timeline.told[0].trace_id


async def _acknowledged(stage: Stage, timeline: Timeline) -> None:
    number = _number(timeline)
    letter = await delivered(stage, timeline, "acknowledgement")
    require(number in letter.subject + letter.text, "the acknowledgement does not name the number")
    timeline.act(stage.say(IN_HER_MAILBOX, subject=letter.subject))


async def _answered(stage: Stage, timeline: Timeline, name: str) -> ticket_pb2.Ticket:
    """An agent takes the ticket, asks back, and waits for the customer."""
    tickets = await stage.tickets()
    timeline.act(stage.say(AGENT_ANSWERS))
    taken = await tickets.TakeTicket(
        ticket_service_pb2.TakeTicketRequest(name=name, request_id=new_id())
    )
    await tickets.SendPublicMessage(
        ticket_service_pb2.SendPublicMessageRequest(
            parent=name,
            request_id=new_id(),
            text=ANSWER,
            last_customer_message=taken.last_customer_message,
        )
    )
    waiting = await tickets.TransitionTicket(
        ticket_service_pb2.TransitionTicketRequest(
            name=name, act="wait_for_customer", request_id=new_id()
        )
    )
    await timeline.until("ClockMet", lambda told: told.message.kind == 1)
    return waiting


async def _customer_replies(stage: Stage, timeline: Timeline, ticket: ticket_pb2.Ticket) -> None:
    """The customer answers the mail; the reply finds its ticket by the address alone."""
    answer = await delivered(stage, timeline, "answer")
    timeline.act(stage.say(SHE_REPLIES))
    reply = post.reply_to(answer, REPLY, sender=CUSTOMER)
    receipt = await post.send(reply, port=stage.stack.ports.intake_smtp)
    require(receipt.accepted, f"intake answered {receipt.code} {receipt.text}")
    item = await stage.fate(receipt.item)
    require(item.ticket == ticket.name, "the customer's reply did not find its ticket")
    await timeline.until("MessageAppended")
    await timeline.until("TicketStateChanged", lambda told: told.message.act == "customer_wrote")


async def _resolved(stage: Stage, timeline: Timeline, ticket: ticket_pb2.Ticket) -> None:
    tickets = await stage.tickets()
    timeline.act(stage.say(AGENT_RESOLVES))
    resolved = await tickets.ResolveTicket(
        ticket_service_pb2.ResolveTicketRequest(
            name=ticket.name, resolution_text=RESOLUTION, request_id=new_id()
        )
    )
    require(
        resolved.state_meaning == ticket_pb2.STATE_MEANING_RESOLVED,
        f"after resolving, the ticket is {resolved.state}",
    )
    await delivered(stage, timeline, "resolution")


async def _rated(stage: Stage, timeline: Timeline) -> None:
    letter = await delivered(stage, timeline, "survey")
    link = RATING_LINK.search(letter.text)
    require(link, "the letter that asks for a rating has no link")
    if link is None:
        return
    timeline.act(stage.say(SHE_RATES))
    browser = Browser("ru")
    try:
        await browser.open(link.group())
        await browser.submit({"score": "5", "comment": COMMENT})
    finally:
        await browser.close()
    await timeline.until("RatingGiven")


async def delivered(stage: Stage, timeline: Timeline, template: str) -> Letter:
    """Wait until a letter left, and open it in the customer's mailbox."""
    told = await timeline.until(
        "DeliveryAccepted", lambda one: one.message.template == template, seconds=40
    )
    return await stage.letterbox.letter(told.message.internet_message_id)


def _number(timeline: Timeline) -> str:
    return next(str(one.message.number) for one in timeline.told if one.name == "TicketOpened")
