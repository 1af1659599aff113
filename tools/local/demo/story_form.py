"""An English request by the web form."""

from otklik.type.v1 import channel_pb2
from tools.local.demo.browser import Browser
from tools.local.demo.stage import Stage, require
from tools.local.demo.story_letter import delivered
from tools.local.demo.streams import Told
from tools.pages.language import Phrase

CUSTOMER = "emily.carter@harbour-books.example"
SUBJECT = "Charged twice for October"
TITLE = Phrase(
    ru="2 · Эмили Картер, Harbour Books: обращение через форму на сайте, по-английски (HTTP)",
    en="2 · Emily Carter, Harbour Books: a request by the web form, in English (HTTP)",
)
IN_HER_MAILBOX = Phrase(ru="в почте Эмили: «{subject}»", en="in Emily's mailbox: “{subject}”")
TEXT = """Hello,

our October invoice was charged twice: 2 October and again 5 October, 4,200 roubles each time.
Please refund the second payment, and tell me when to expect it.

Emily Carter
Harbour Books
"""


async def play_form(stage: Stage) -> None:
    """Send the form as a browser does, and see the acknowledgement leave in English."""
    stage.begin(TITLE)
    before = await stage.streams.ends()
    browser = Browser("en")
    try:
        await browser.open(f"{stage.stack.ports.url('intake')}/form")
        await browser.submit(
            {
                "name": "Emily Carter",
                "email": CUSTOMER,
                "service": "services/billing",
                "subject": SUBJECT,
                "text": TEXT,
            }
        )
    finally:
        await browser.close()
    received = await stage.first(_came_by_form, after=before)
    timeline = stage.timeline(received.aggregate_id)
    opened = await timeline.until("TicketOpened")
    await timeline.until("ClocksArmed")
    letter = await delivered(stage, timeline, "acknowledgement")
    require(opened.message.locale == "en", "an English request is to be answered in Russian")
    require(
        opened.message.number in letter.subject + letter.text,
        "the acknowledgement does not name the number",
    )
    timeline.act(stage.say(IN_HER_MAILBOX, subject=letter.subject))


def _came_by_form(told: Told) -> bool:
    if told.name != "MessageReceived":
        return False
    by_form = told.message.channel == channel_pb2.CHANNEL_WEB_FORM
    return bool(by_form and told.message.sender_address == CUSTOMER)
