"""Nobody is led to another site; what a browser carries cannot be read, changed or reused."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otklik_desk.adapters.seals import KeySeals
from otklik_desk.domain.addresses import own_page
from otklik_runtime import keys

HOME = "https://desk.example"


@given(st.text())
@example("//evil.example")
@example("/\\evil.example")
@example("https:evil.example")
@example("/\n/evil.example")
@example("/tickets?to=//evil.example")
def test_whatever_is_asked_for_the_page_is_ours(wanted):
    # A browser drops these before it resolves an address, and takes a backslash for a slash.
    seen = own_page(wanted).replace("\\", "/")
    for dropped in "\t\r\n":
        seen = seen.replace(dropped, "")

    assert urlsplit(urljoin(HOME, seen)).netloc == "desk.example"


def test_a_page_of_ours_stays_as_it_was_asked_for():
    assert own_page("/tickets/1?lang=en#x") == "/tickets/1?lang=en#x"


@pytest.fixture
def seals(tmp_path):
    keys.save_private(keys.generate(), tmp_path / "one.pem")
    return KeySeals.load(tmp_path / "one.pem")


def test_what_was_sealed_opens_for_its_purpose_only(seals):
    sealed = seals.seal("staff", {"session": "secret"})

    assert "secret" not in sealed
    assert seals.open("staff", sealed, most_seconds=60) == {"session": "secret"}
    assert seals.open("customer", sealed, most_seconds=60) is None
    assert seals.open("staff", sealed[:-2], most_seconds=60) is None
    assert seals.open("staff", "", most_seconds=60) is None


def test_what_an_older_key_sealed_still_opens(tmp_path):
    old, new = tmp_path / "old.pem", tmp_path / "new.pem"
    keys.save_private(keys.generate(), old)
    sealed = KeySeals.load(old).seal("staff", {"session": "secret"})
    keys.save_private(keys.generate(), new)
    both = tmp_path / "both.pem"
    both.write_bytes(new.read_bytes() + old.read_bytes())

    assert KeySeals.load(both).open("staff", sealed, most_seconds=60) == {"session": "secret"}
    assert KeySeals.load(new).open("staff", sealed, most_seconds=60) is None


def test_marks_differ_by_session_and_purpose(seals):
    marks = {seals.mark("form", "one"), seals.mark("form", "two"), seals.mark("other", "one")}

    assert len(marks) == 3
    assert seals.mark("form", "one") in marks
