"""The customer's mail program, without a server."""

from email import message_from_bytes, policy

from tools.local.demo import post
from tools.local.demo.story_letter import LETTER
from tools.mailbox import read_letter


def test_the_demo_letter_is_koi8_r_in_its_bytes():
    original = LETTER.read_bytes()

    letter = message_from_bytes(original, policy=policy.default)
    assert "интернет" not in original.decode("utf-8", "replace")
    assert "интернет".encode("koi8-r") in original
    assert "Не работает интернет" in letter["Subject"]
    types = [part.get_content_type() for part in letter.walk()]
    assert types == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/plain",
    ]
    assert [part.get_filename() for part in letter.iter_attachments()] == ["журнал роутера.log"]


def test_a_letter_played_again_is_another_letter_with_the_same_words():
    original = LETTER.read_bytes()

    again = post.as_new(original)

    before, after = message_from_bytes(original), message_from_bytes(again)
    assert before["Message-ID"] != after["Message-ID"]
    assert original.partition(b"\r\n\r\n")[2] == again.partition(b"\r\n\r\n")[2]


def test_a_reply_goes_to_reply_to_and_names_what_it_answers():
    answer = read_letter(
        b"From: Support <support@otklik.example>\r\n"
        b"Reply-To: support+abc@otklik.example\r\n"
        b"Message-ID: <otklik.abc.1@otklik.example>\r\n"
        b"References: <first@customer.example>\r\n"
        b"Subject: Internet\r\n\r\nIs the lamp on?\r\n"
    )

    reply = message_from_bytes(post.reply_to(answer, "It blinks.", sender="ann@shop.example"))

    assert reply["To"] == "support+abc@otklik.example"
    assert reply["In-Reply-To"] == "<otklik.abc.1@otklik.example>"
    assert reply["References"] == "<first@customer.example> <otklik.abc.1@otklik.example>"
    assert b"> Is the lamp on?" in reply.get_payload(decode=True)


def test_a_letter_without_a_sender_comes_from_the_null_sender():
    assert post.sender_of(b"Subject: hello\r\n\r\nhello\r\n") == ""
    assert post.sender_of(b"From: Ann <ann@shop.example>\r\n\r\n") == "ann@shop.example"


def test_the_item_is_read_from_the_answer_of_the_server():
    receipt = post.Receipt(
        code=250, text="2.0.0 stored as items/0198c0de-0000-7000-8000-000000000001"
    )

    assert receipt.accepted
    assert receipt.item == "items/0198c0de-0000-7000-8000-000000000001"
