import base64
import json
from datetime import UTC, datetime

import pytest

from otklik.ops.v1 import ops_service_pb2 as ops
from otklik.tickets.v1 import directory_service_pb2 as directory
from otklik.tickets.v1 import ticket_service_pb2 as tickets
from otklik_runtime import ids, pages
from otklik_runtime.errors import InvalidInput


def test_a_size_left_out_is_the_default_and_one_too_large_is_the_most():
    asked = [0, 1, 500, 501]

    found = [pages.size(ops.ListDeadLettersRequest(page_size=size)) for size in asked]

    assert found == [50, 1, 500, 500]
    assert pages.size(ops.ListDeadLettersRequest(), default=20) == 20


def test_the_first_page_begins_nowhere():
    assert pages.place(ops.ListDeadLettersRequest(), parts=1) is None


def test_a_token_gives_its_place_back_whatever_the_page_size():
    asked = tickets.ListTicketsRequest(assignee="agents/a", page_size=10)
    token = pages.token(asked, "Жанна «Ж»", "2")

    following = tickets.ListTicketsRequest(assignee="agents/a", page_size=20, page_token=token)

    assert pages.place(following, parts=2) == ("Жанна «Ж»", "2")
    assert pages.token(following, "Жанна «Ж»", "2") == token


@pytest.mark.parametrize(
    "other",
    [
        tickets.ListTicketsRequest(assignee="agents/b"),
        tickets.ListTicketsRequest(),
        directory.ListSegmentsRequest(),
    ],
)
def test_a_token_is_refused_by_another_question(other):
    other.page_token = pages.token(tickets.ListTicketsRequest(assignee="agents/a"), "2")

    with pytest.raises(InvalidInput) as refused:
        pages.place(other, parts=1)

    assert refused.value.code == "page_token_invalid"
    assert refused.value.facts["field"] == "page_token"


def test_lists_without_filters_do_not_take_each_others_tokens():
    token = pages.token(directory.ListSegmentsRequest(), "2")

    with pytest.raises(InvalidInput):
        pages.place(directory.ListAgentsRequest(page_token=token), parts=1)


@pytest.mark.parametrize(
    "token", ["x", "e30", "bnVsbA", "WzFd", "\u0436", "%%%", base64.b64encode(b"[" * 9000).decode()]
)
def test_a_made_up_token_is_refused(token):
    with pytest.raises(InvalidInput):
        pages.place(ops.ListDeadLettersRequest(page_token=token), parts=1)


def test_a_place_of_other_parts_is_refused():
    request = ops.ListDeadLettersRequest()
    request.page_token = pages.token(request, "1", "2")

    with pytest.raises(InvalidInput):
        pages.place(request, parts=1)


def test_a_place_holds_nothing_but_text():
    request = ops.ListDeadLettersRequest()
    (question, _) = json.loads(base64.urlsafe_b64decode(pages.token(request, "1") + "=="))
    forged = base64.urlsafe_b64encode(json.dumps([question, 1]).encode()).decode()

    with pytest.raises(InvalidInput):
        pages.place(ops.ListDeadLettersRequest(page_token=forged), parts=1)


def test_the_parts_of_a_place_are_read_as_what_they_are():
    identifier, noon = ids.new_id(), datetime(2025, 3, 12, 12, tzinfo=UTC)

    assert pages.identifier(identifier) == identifier
    assert pages.instant(noon.isoformat()) == noon
    assert pages.number("40") == 40


@pytest.mark.parametrize(
    ("read", "part"),
    [
        (pages.identifier, "1; drop"),
        (pages.instant, "noon"),
        (pages.instant, "2025-03-12T12:00:00"),
        (pages.number, "-1"),
        (pages.number, "٣"),
        (pages.number, "9" * 19),
        (pages.number, ""),
    ],
)
def test_a_part_that_is_not_what_it_should_be_is_refused(read, part):
    with pytest.raises(InvalidInput) as refused:
        read(part)

    assert refused.value.code == "page_token_invalid"
