import asyncio

import pytest

from otklik.tickets.v1 import catalogue_pb2, catalogue_service_pb2
from otklik.type.v1 import localized_text_pb2
from otklik_intake.adapters import catalogue as catalogue_module
from otklik_intake.adapters.catalogue import RememberedCatalogue
from otklik_intake.domain.errors import TooManyRequests
from otklik_intake.entrypoints.rate_limit import RateLimit
from otklik_runtime.errors import Unavailable


class TicketsThatAnswers:
    """Stands for tickets' generated stub: what it lists, and whether it is there."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.calls = 0
        self.down = False

    async def ListServices(self, request):  # noqa: N802 - as generated
        self.calls += 1
        if self.down:
            raise Unavailable("tickets_down", "tickets does not answer")
        size = 2
        start = int(request.page_token or 0)
        more = start + size < len(self.names)
        return catalogue_service_pb2.ListServicesResponse(
            services=[
                catalogue_pb2.Service(
                    name=name, display_name=localized_text_pb2.LocalizedText(ru="Да", en="Yes")
                )
                for name in self.names[start : start + size]
            ],
            next_page_token=str(start + size) if more else "",
        )


async def test_every_page_of_the_catalogue_is_read_and_remembered():
    tickets = TicketsThatAnswers("services/a", "services/b", "services/c")
    catalogue = RememberedCatalogue(tickets)

    first = await catalogue.services()
    again = await catalogue.services()

    assert [service.name for service in first] == tickets.names
    assert again == first
    assert tickets.calls == 2


async def test_without_tickets_nothing_is_listed_and_nothing_refused():
    tickets = TicketsThatAnswers("services/a")
    tickets.down = True
    catalogue = RememberedCatalogue(tickets)

    assert await catalogue.services() == ()
    assert not await catalogue.refuses("services/b")
    assert tickets.calls == 1


async def test_what_was_remembered_is_listed_while_tickets_is_away(monkeypatch):
    tickets = TicketsThatAnswers("services/a")
    catalogue = RememberedCatalogue(tickets)
    await catalogue.services()
    tickets.down = True
    monkeypatch.setattr(catalogue_module, "FRESH_SECONDS", 0)
    catalogue._ask_again_at = 0

    assert [service.name for service in await catalogue.services()] == ["services/a"]


async def test_nobody_is_refused_from_memory():
    tickets = TicketsThatAnswers("services/a")
    catalogue = RememberedCatalogue(tickets)
    await catalogue.services()
    tickets.names.append("services/new")

    assert not await catalogue.refuses("services/new")
    assert await catalogue.refuses("services/gone")


async def test_an_empty_catalogue_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(catalogue_module, "RETRY_SECONDS", 0)
    tickets = TicketsThatAnswers()
    catalogue = RememberedCatalogue(tickets)
    assert await catalogue.services() == ()
    tickets.names.append("services/a")

    assert [service.name for service in await catalogue.services()] == ["services/a"]


async def test_a_tickets_that_hangs_does_not_hang_the_form(monkeypatch):
    monkeypatch.setattr(catalogue_module, "PATIENCE_SECONDS", 0.01)

    class TicketsThatHangs:
        async def ListServices(self, request):  # noqa: N802 - as generated
            await asyncio.Event().wait()

    catalogue = RememberedCatalogue(TicketsThatHangs())

    assert await catalogue.services() == ()
    catalogue._asking.cancel()


def test_an_address_gets_its_share_back_with_time():
    clock = [0.0]
    limit = RateLimit(6, seconds=lambda: clock[0])
    for _ in range(6):
        limit.admit("1.2.3.4")
    with pytest.raises(TooManyRequests) as refused:
        limit.admit("1.2.3.4")
    limit.admit("5.6.7.8")

    clock[0] += float(refused.value.facts["retry_after_seconds"])
    limit.admit("1.2.3.4")


def test_addresses_without_number_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("otklik_intake.entrypoints.rate_limit.MAX_ADDRESSES", 10)
    limit = RateLimit(6)
    for number in range(50):
        limit.admit(str(number))

    assert len(limit._buckets) == 10
