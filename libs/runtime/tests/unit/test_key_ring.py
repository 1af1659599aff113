import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otklik_runtime.errors import Unauthenticated
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import PURPOSES, KeyRing, KeyRingRefused

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RING = KeyRing({"a": b"a" * 32})


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("subject", [new_id(), "deliveries/7", "почта"])
def test_a_token_gives_its_subject_back(purpose: str, subject: str):
    for expires_at in (None, NOW + timedelta(seconds=1)):
        assert RING.verify(purpose, RING.sign(purpose, subject, expires_at), NOW) == subject


def test_a_mail_system_that_changes_case_does_no_harm():
    token = RING.sign("thread", new_id(), None)

    assert RING.verify("thread", token.upper(), NOW) == RING.verify("thread", token, NOW)


def test_a_thread_token_leaves_room_in_a_mail_address():
    token = RING.sign("thread", new_id(), None)

    assert len(f"support+{token}") <= 64
    assert token.isalnum()


def test_a_token_for_one_purpose_is_none_for_another():
    token = RING.sign("thread", new_id(), None)

    with pytest.raises(Unauthenticated):
        RING.verify("bounce", token, NOW)


def test_an_expired_token_is_told_apart_from_a_wrong_one():
    token = RING.sign("survey", new_id(), NOW)

    with pytest.raises(Unauthenticated, match="expired"):
        RING.verify("survey", token, NOW)


@given(place=st.integers(0, 100), letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_letter_of_a_token_can_be_changed(place: int, letter: str):
    token = RING.sign("customer-link", "019a1234-5678-7abc-8def-0123456789ab", None)
    place %= len(token)
    if token[place] == letter:
        return

    with pytest.raises(Unauthenticated):
        RING.verify("customer-link", token[:place] + letter + token[place + 1 :], NOW)


@given(token=st.text(max_size=60))
def test_anything_else_is_no_token(token: str):
    with pytest.raises(Unauthenticated):
        RING.verify("thread", token, NOW)


def test_a_new_key_signs_and_the_old_one_still_verifies(tmp_path: Path):
    old = json.loads(KeyRing.generate("a"))["keys"]
    new = json.loads(KeyRing.generate("b"))["keys"]
    (tmp_path / "old").write_text(json.dumps({"keys": old}))
    (tmp_path / "both").write_text(json.dumps({"keys": new + old}))
    before, after = KeyRing.load(tmp_path / "old"), KeyRing.load(tmp_path / "both")

    assert after.verify("thread", before.sign("thread", "x", None), NOW) == "x"
    with pytest.raises(Unauthenticated):
        before.verify("thread", after.sign("thread", "x", None), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"keys": []}',
        '{"keys": [{"id": "ab", "secret": "00"}]}',
        '{"keys": [{"id": "a", "secret": "zz"}]}',
    ],
)
def test_a_file_that_is_no_ring_is_refused_with_what_it_must_be(tmp_path: Path, text: str):
    (tmp_path / "ring").write_text(text)

    with pytest.raises(KeyRingRefused):
        KeyRing.load(tmp_path / "ring")


def test_a_missing_ring_names_the_setting(tmp_path: Path):
    with pytest.raises(KeyRingRefused, match="OTKLIK_KEY_RING_FILE"):
        KeyRing.load(None)
    with pytest.raises(KeyRingRefused, match="cannot be read"):
        KeyRing.load(tmp_path / "absent")
