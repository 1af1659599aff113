import pytest

from otklik_intake.domain import headers
from otklik_intake.domain.charsets import decode

LETTER = "Здравствуйте! Не работает интернет, помогите, пожалуйста."


@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "cp866", "utf-8"])
@pytest.mark.parametrize("declared", ["", "us-ascii", "x-unknown", "8bit", "utf-8"])
def test_russian_is_read_whatever_the_sender_said_about_it(charset, declared):
    assert decode(LETTER.encode(charset), declared) == LETTER


@pytest.mark.parametrize("text", ["ПРИВЕТ ВСЕМ, СРОЧНО!", "Счёт 5", "Re: Договор", "ок"])
@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "cp866"])
def test_short_and_shouted_words_are_recognised(text, charset):
    assert decode(text.encode(charset)) == text


def test_western_letters_are_not_taken_for_russian_ones():
    assert decode("Grüße aus Köln, café".encode("cp1252")) == "Grüße aus Köln, café"


@pytest.mark.parametrize(
    ("declared", "charset"),
    [
        ("windows1251", "cp1251"),
        ("WIN-1251", "cp1251"),
        ("koi8r", "koi8-r"),
        ('"koi8-r"', "koi8-r"),
        ("cp-866", "cp866"),
        ("x-mac-cyrillic", "mac-cyrillic"),
        ("unicode-1-1-utf-7", "utf-7"),
    ],
)
def test_names_of_charsets_are_taken_as_people_write_them(declared, charset):
    assert decode(LETTER.encode(charset), declared) == LETTER


@pytest.mark.parametrize(
    "declared", ["base64", "zlib", "rot13", "unicode-escape", "idna", "undefined"]
)
def test_codecs_that_are_no_charsets_are_not_used(declared):
    assert decode(b"eJwrSS0uAQAEXQHB", declared) == "eJwrSS0uAQAEXQHB"


def test_half_letters_never_get_through():
    assert decode(b"+2AA-", "utf-7").encode() == b"?"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?koi8-r?B?8NLJ18XU?=", "Привет"),
        (b"=?utf-8?Q?=D0?= =?utf-8?Q?=9F=D1?=\r\n =?utf-8?Q?=80?=", "Пр"),
        (b"=?x-unknown?B?8NLJ18XU?=", "Привет"),
        (b"=?cp-866?B?jw==?=", "П"),
        (b"=?utf-8*ru?Q?=D0=9F?=", "П"),
        (b"=?utf-8?B?0J8?=", "П"),
        (b"Re: =?utf-8?q?a=20b?= =?utf-8?q?c?= tail", "Re: a bc tail"),
        ("Привет".encode("cp1251"), "Привет"),
        (b"plain\r\n\tfolded", "plain folded"),
        (b"evil\x00\r header", "evil header"),
        (b"=?utf-8?B?????=", "=?utf-8?B?????="),
    ],
)
def test_header_values_are_decoded(raw, text):
    (value,) = headers.split_headers(b"Subject: " + raw)["subject"]

    assert headers.unfolded(value) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Ivan <Ivan@B.Example>", [("Ivan", "ivan@b.example")]),
        (b"ivan@b.example (Ivan)", [("Ivan", "ivan@b.example")]),
        (
            b'"Petrov, Ivan" <a@b.example>, c@d.example',
            [("Petrov, Ivan", "a@b.example"), ("", "c@d.example")],
        ),
        (
            b"=?utf-8?B?0J/QtdGC0YDQvtCyLCDQmNCy0LDQvQ==?= <a@b.example>",
            [("Петров, Иван", "a@b.example")],
        ),
        (b'"=?koi8-r?B?8NLJ18XU?=" <a@b.example>', [("Привет", "a@b.example")]),
        (b"team: a@b.example, c@d.example;", [("", "a@b.example"), ("", "c@d.example")]),
        (b"undisclosed-recipients:;", []),
        (b"not an address", []),
        (b"<>", []),
        (b"a@b.example, <c@d.example", [("", "a@b.example"), ("", "c@d.example")]),
        (b'"unclosed <a@b.example>', [('"unclosed', "a@b.example")]),
    ],
)
def test_addresses_are_found(raw, expected):
    assert [(one.name, one.address) for one in headers.mailboxes((raw,))] == expected


def test_message_ids_are_kept_newest_last():
    raw = b" ".join(b"<%d@b.example>" % number for number in range(80))

    found = headers.message_ids((raw,))

    assert len(found) == headers.MAX_IDS
    assert found[-1] == "<79@b.example>"
