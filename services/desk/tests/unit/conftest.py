"""A desk on services kept in memory, and a browser that knows no script."""

import dataclasses
import re
from collections import defaultdict
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import count
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from otklik_desk.bootstrap import application
from otklik_desk.domain.people import Admission
from otklik_desk.domain.texts import Text
from otklik_desk.domain.tickets import (
    Attachment,
    AuthorKind,
    Message,
    Move,
    RequestType,
    StateMeaning,
    Ticket,
    TicketPage,
)
from otklik_desk.ports import Beginning
from otklik_desk.settings import Settings
from otklik_runtime import keys
from otklik_runtime.errors import NotFound, Unauthenticated
from otklik_runtime.ids import stable_id

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NUMBERS = count(1)
ADDRESS = "http://desk.example:7400"
TICKET = stable_id("test", "ticket")
CONVERSATION = stable_id("test", "conversation")
MARIA = stable_id("test", "maria")
FILE = stable_id("test", "file")


class MemoryIdentity:
    """Sessions in memory."""

    def __init__(self):
        self.people = {
            "id token of maria": ("agent", MARIA, {"agent"}, "ru", ""),
            "id token of operator": ("agent", stable_id("test", "o"), {"operator"}, "ru", ""),
            "link-of-anna": (
                "customer",
                stable_id("test", "anna"),
                {"customer"},
                "ru",
                CONVERSATION,
            ),
        }
        self.sessions = {}
        self.exchanges = 0

    async def staff(self, id_token):
        return self._open(id_token)

    async def customer(self, link_token):
        return self._open(link_token)

    async def session(self, session_token):
        self.exchanges += 1
        if session_token not in self.sessions:
            raise Unauthenticated("session_revoked", "ended")
        return self.sessions[session_token]

    async def revoke(self, session_token):
        self.sessions.pop(session_token, None)

    def _open(self, proof):
        if proof not in self.people:
            raise Unauthenticated("proof_refused", "not accepted")
        kind, person_id, roles, locale, conversation_id = self.people[proof]
        token = f"session {next(NUMBERS)} of {proof}"
        self.sessions[token] = Admission(
            kind=kind,
            id=person_id,
            roles=frozenset(roles),
            locale=locale,
            conversation_id=conversation_id,
            access_token=f"access {token}",
            session_token=token,
            good_for_seconds=300,
        )
        return self.sessions[token]


class MemoryProvider:
    """A provider that lets everybody in who says their name as code."""

    async def begin(self, *, return_address, locale):
        state = "state-of-this-sign-in"
        return Beginning(
            address=f"https://provider.example/authorize?state={state}&to={return_address}",
            state=state,
            nonce="nonce",
            verifier="verifier",
        )

    async def finish(self, begun, *, code, return_address):
        assert (begun.nonce, begun.verifier) == ("nonce", "verifier")
        return f"id token of {code}"


def a_message(number, text, *, author=AuthorKind.CUSTOMER, name="Анна Соколова", **facts):
    return Message(
        name=f"tickets/{TICKET}/publicMessages/{stable_id('test', 'message', str(number))}",
        author=author,
        author_name=name,
        text=text,
        at=NOW.replace(minute=number),
        channel="email",
        **facts,
    )


class MemoryServices:
    """One ticket in memory, and whatever should go wrong."""

    def __init__(self):
        self.failures = {}
        self.calls = defaultdict(list)
        self.known_clocks = []
        self.conversation = [
            a_message(
                1,
                "Кассы <b>стоят</b>",
                attachments=(Attachment(id=FILE, filename="журнал.log", size_bytes=5),),
            ),
            a_message(2, "Смотрим", author=AuthorKind.AGENT, name="Мария Иванова"),
        ]
        self.kept = Ticket(
            id=TICKET,
            number="OT-000001",
            conversation_id=CONVERSATION,
            customer_name="Анна Соколова",
            service="services/internet",
            request_type="requestTypes/incident",
            priority="P2",
            state="in_progress",
            meaning=StateMeaning.OPEN,
            subject="Нет интернета",
            assignee_id="",
            channel="email",
            locale="ru",
            created_at=NOW,
            updated_at=NOW,
            last_customer_message=self.conversation[0].name,
            etag='"3"',
            moves=(
                Move(act="resolve", to_state="resolved", requires=("resolution_text",)),
                Move(act="wait_for_customer", to_state="waiting"),
                Move(act="wait_for_supplier", to_state="supplier", requires=("reason",)),
                Move(act="send_a_crew", to_state="crew"),
            ),
        )

    def customer_writes(self, text):
        self.conversation.append(a_message(len(self.conversation) + 1, text))
        self.kept = dataclasses.replace(
            self.kept, last_customer_message=self.conversation[-1].name, etag='"4"'
        )

    def _asked(self, name, **facts):
        self.calls[name].append(facts)
        if name in self.failures:
            raise self.failures[name]

    async def ticket(self, ticket_id):
        self._asked("ticket")
        if ticket_id != TICKET:
            raise NotFound("ticket_not_found", "no such ticket")
        return self.kept

    async def tickets(self, wanted):
        self._asked("tickets", wanted=wanted)
        return TicketPage(tickets=[self.kept], next_token="further")

    async def messages(self, ticket_id):
        self._asked("messages")
        return list(self.conversation)

    async def notes(self, ticket_id):
        self._asked("notes")
        return []

    async def history(self, ticket_id):
        return []

    async def clocks(self, ticket_ids):
        self._asked("clocks")
        return self.known_clocks

    async def explain(self, clock):
        raise AssertionError(clock)

    async def deliveries(self, conversation_id):
        self._asked("deliveries")
        return []

    async def surveys(self, conversation_id):
        self._asked("surveys")
        return []

    async def agents(self):
        self._asked("agents")
        return {MARIA: "Мария Иванова", stable_id("test", "oleg"): "Олег Петров"}

    async def request_type(self, name):
        states = {"in_progress": Text(ru="В работе", en="In progress")}
        states["crew"] = Text(ru="Бригада выехала", en="Crew on its way")
        return RequestType(name=Text(ru="Неполадка", en="Incident"), states=states)

    async def service_name(self, name):
        return Text(ru="Интернет", en="Internet")

    async def download(self, attachment_id):
        self._asked("download")
        if attachment_id != FILE:
            raise NotFound("attachment_not_found", "no such file")

        async def data():
            yield b"12"
            yield b"345"

        return Attachment(id=FILE, filename='журнал "1".log', size_bytes=5), data()

    async def take(self, ticket_id, **facts):
        self._asked("take", **facts)

    async def answer(self, ticket_id, **facts):
        self._asked("answer", **facts)

    async def note(self, ticket_id, **facts):
        self._asked("note", **facts)

    async def resolve(self, ticket_id, **facts):
        self._asked("resolve", **facts)

    async def transition(self, ticket_id, **facts):
        self._asked("transition", **facts)


class Desk:
    """A desk, and what is behind it at the moment."""

    def __init__(self, settings):
        self.identity = self.services = None
        self.app = application(
            settings,
            identity=self,
            provider=MemoryProvider(),
            services_of=lambda _: self.services,
        )

    def __getattr__(self, name):
        return getattr(self.identity, name)


class Forms(HTMLParser):
    """The forms of a page: action -> field -> value; and all its visible text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.forms = {}
        self._form = None
        self._area = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = self.forms.setdefault(told["action"], {})
        elif tag in {"input", "textarea"} and self._form is not None and "name" in told:
            self._form[told["name"]] = told.get("value", "")
            self._area = told["name"] if tag == "textarea" else None

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data):
        if self._area is not None and self._form is not None:
            self._form[self._area] += data


class Browser:
    """Keeps cookies, follows nothing by itself, fills in forms."""

    def __init__(self, app):
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url=ADDRESS
        )
        self.page = None

    async def get(self, path, **headers):
        self.page = await self.http.get(path, headers=headers)
        return self.page

    async def sign_in(self, who="maria", to="/tickets"):
        begun = await self.http.get("/sign-in", params={"to": to})
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        return await self.http.get("/sign-in/return", params={"code": who, "state": state})

    def form(self, action):
        """Give a form of the page as it stands: the first line end of a textarea is not text."""
        fields = Forms(self.page.text).forms[action]
        return {
            name: value.removeprefix("\n") if name == "text" else value
            for name, value in fields.items()
        }

    async def submit(self, action, /, headers=None, **values):
        fields = {**self.form(action), **values}
        self.page = await self.http.post(action, data=fields, headers=headers)
        return self.page

    def text(self):
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.page.text))


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("desk") / "desk.pem"
    keys.save_private(keys.generate(), path)
    return Settings.load(
        {
            "OTKLIK_ENVIRONMENT": "development",
            "OTKLIK_HTTP_PORT": "7400",
            "OTKLIK_PUBLIC_URL": ADDRESS,
            "OTKLIK_IDENTITY_ADDRESS": "127.0.0.1:1",
            "OTKLIK_GRPC_ADDRESSES": "tickets=127.0.0.1:1",
            "OTKLIK_PRIVATE_KEY_FILE": str(path),
            "OTKLIK_DESK_ISSUER_URL": "https://provider.example",
            "OTKLIK_DESK_CLIENT_ID": "otklik-desk",
        }
    )


@pytest.fixture(scope="session")
def desk(settings):
    """The desk of all tests: its templates are read once. Each test has its own behind it."""
    return Desk(settings)


@pytest.fixture
def identity(desk):
    desk.identity = MemoryIdentity()
    return desk.identity


@pytest.fixture
def services(desk):
    desk.services = MemoryServices()
    return desk.services


@pytest.fixture
def a_browser(desk, identity, services):
    return lambda: Browser(desk.app)


@pytest.fixture
async def agent(a_browser):
    """A browser in which Maria is signed in."""
    browser = a_browser()
    await browser.sign_in()
    return browser


@pytest.fixture
def ticket_page():
    return f"/tickets/{TICKET}"


@pytest.fixture
def request_page():
    return f"/my/{CONVERSATION}"


@pytest.fixture
def file_id():
    return FILE
