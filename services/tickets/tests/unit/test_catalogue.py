"""What a message is about, and how soon it must be dealt with."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otklik_runtime.errors import InvalidInput
from otklik_tickets.domain.catalogue import Catalogue, Service
from otklik_tickets.domain.errors import DeskNotConfigured
from otklik_tickets.domain.priority import Level, Priority, PriorityCell, PriorityMatrix
from otklik_tickets.domain.texts import LocalizedText

CELLS = [
    PriorityCell(impact=impact, urgency=urgency, priority=Priority.P3)
    for impact, urgency in itertools.product(Level, Level)
]


def test_the_longest_keyword_wins(catalogue_of, a_service):
    catalogue = catalogue_of(a_service("print", "принтер"), a_service("net", "сетевой принтер"))

    found = catalogue.service_by_keywords("Не печатает сетевой принтер")

    assert found.name == "services/net"


def test_a_keyword_is_found_in_any_case_and_with_any_ending(catalogue_of, a_service):
    catalogue = catalogue_of(a_service("mail", "почт"))

    assert catalogue.service_by_keywords("ПОЧТОВЫЙ ящик").name == "services/mail"


def test_a_keyword_in_the_middle_of_a_word_is_another_word(catalogue_of, a_service):
    catalogue = catalogue_of(a_service("net", "сеть"), a_service("other"))

    assert catalogue.service_by_keywords("присеть негде") is None


def test_overlapping_keywords_are_all_seen(catalogue_of, a_service):
    catalogue = catalogue_of(a_service("a", "vpn"), a_service("b", "vpn client for mac"))

    assert catalogue.service_by_keywords("my VPN client for Mac fails").name == "services/b"


def test_what_looks_like_a_pattern_is_only_text(catalogue_of, a_service):
    catalogue = catalogue_of(a_service("c", "c++ (.*)"))

    assert catalogue.service_by_keywords("anything") is None
    assert catalogue.service_by_keywords("C++ (.*) fails").name == "services/c"


@given(text=st.text(max_size=200))
def test_no_text_finds_a_service_whose_keyword_is_not_in_it(text):
    from_keywords = {"vpn": "services/net", "почт": "services/mail"}
    catalogue = _two_services()

    found = catalogue.service_by_keywords(text)

    if found is not None:
        assert any(
            word in text.lower() for word, name in from_keywords.items() if name == found.name
        )


def _two_services():
    words = LocalizedText(ru="слово", en="word")
    services = [
        Service(
            name=name,
            display_name=words,
            content=words,
            terms=words,
            territory=words,
            default_urgency=Level.LOW,
            request_type="requestTypes/request",
            keywords=(keyword,),
        )
        for name, keyword in (("services/net", "vpn"), ("services/mail", "почт"))
    ]
    return Catalogue(services={each.name: each for each in services})


def test_a_catalogue_where_every_service_has_keywords_falls_back_on_the_first(
    catalogue_of, a_service
):
    catalogue = catalogue_of(a_service("first", "один"), a_service("second", "два"))

    assert catalogue.catch_all().name == "services/first"


def test_a_customer_in_no_segment_is_in_the_default_one(catalogue_of):
    assert catalogue_of().segment_of("").name == "segments/plain"


def test_a_service_whose_request_type_is_missing_waits(catalogue_of, a_service):
    catalogue = catalogue_of()
    catalogue.request_types.clear()

    with pytest.raises(DeskNotConfigured):
        catalogue.classify(a_service("mail"), segment="")


def test_a_matrix_needs_every_pair():
    with pytest.raises(InvalidInput) as refused:
        PriorityMatrix.of(CELLS[1:])

    assert refused.value.code == "cells"
    assert (refused.value.facts["impact"], refused.value.facts["urgency"]) == ("high", "high")


def test_a_matrix_takes_every_pair_once():
    with pytest.raises(InvalidInput) as refused:
        PriorityMatrix.of([*CELLS, CELLS[4]])

    assert refused.value.facts["impact"] == "medium"


@given(cells=st.permutations(CELLS))
def test_the_order_of_the_cells_does_not_matter(cells):
    assert PriorityMatrix.of(cells) == PriorityMatrix.of(CELLS)
