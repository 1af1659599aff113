import io
import json
import logging
from typing import ClassVar

import pytest
from opentelemetry import trace
from pydantic import SecretStr

from otklik.intake.v1 import events_pb2
from otklik_runtime import env, logs
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing


class Settings(env.Settings):
    service: ClassVar[str] = "sample"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    stream = io.StringIO()
    logs.configure(Settings(environment="development"), stream)

    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize(
    "secret",
    [
        "ivan.petrov+x@example.com",
        "иван@почта.рф",
        "root@localhost",
        "+7 916 123-45-67",
        "+79161234567",
        "8 (916) 123-45-67",
        "89161234567",
        "(916) 123-45-67",
        "+49 30 901820 123",
        "4111 1111 1111 1111",
        "4111111111111111",
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "postgresql://sla:hunter2@db/sla",
        "Bearer abcdefghijklmnop",
        "password=hunter2",
        '"token": "hunter2hunter2"',
        KeyRing({"a": b"a" * 32}).sign("thread", "019a1234-5678-7abc-8def-0123456789ab", None),
    ],
)
def test_what_looks_personal_or_secret_is_blanked(secret: str):
    for text in (secret, f"before {secret} after", f"<{secret}>", f"x={secret};"):
        redacted = logs.redact(text)

        assert secret not in redacted
        assert "hunter2" not in redacted
        assert "4567" not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "otklik.sample.v1.SampleHappened",
        "2026-03-02T12:00:00.123456+00:00",
        "2026-03-02 12:00:00 12345678",
        f"id {new_id()}",
        "position 1234567890123",
        "sequence 1763820000123456789",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "127.0.0.1:7412",
        "1234 5678 9012 3456",
        "token_missing: this method needs an access token",
        "http://localhost:7402/.well-known/jwks.json",
    ],
)
def test_what_is_harmless_stays_readable(text: str):
    assert logs.redact(text) == text


def test_a_record_is_one_line_of_json(written):
    logging.getLogger("otklik.sample").info("two\nlines", extra={"count": 3, "done": True})

    (line,) = written()
    assert line["message"] == "two\nlines"
    assert line["level"] == "info"
    assert line["service"] == "sample"
    assert (line["count"], line["done"]) == (3, True)
    assert "trace_id" not in line


def test_a_record_names_the_trace_it_belongs_to(written):
    context = trace.SpanContext(0xABC, 0xDEF, is_remote=False)
    with trace.use_span(trace.NonRecordingSpan(context)):
        logging.getLogger().warning("here")

    (line,) = written()
    assert (int(line["trace_id"], 16), int(line["span_id"], 16)) == (0xABC, 0xDEF)


def test_nothing_personal_gets_through_wherever_it_sits(written):
    log = logging.getLogger("otklik.sample")
    mail = "ivan@example.com"
    log.info("from %s", mail, extra={"deep": [{"to": (mail, b"raw ivan@example.com")}]})
    log.info("%(who)s", {"who": mail})
    log.info("settings", extra={"password": SecretStr("hunter2"), "url": "nats://u:hunter2@h"})
    log.error("failed", exc_info=ValueError(f"cannot send to {mail}"))

    text = json.dumps(written())
    assert "example.com" not in text
    assert "hunter2" not in text
    assert "cannot send to (address)" in text


def test_of_a_message_only_the_public_part_is_shown(written):
    event = events_pb2.MessageReceived(subject="canary subject", account="accounts/public")
    logging.getLogger().info("got %s", event, extra={"event": event})

    text = json.dumps(written())
    assert "canary" not in text
    assert text.count("accounts/public") == 2


def test_settings_in_a_record_keep_their_secrets(written):
    settings = Settings(
        environment="development",
        nats_password=SecretStr("hunter2"),
        database_url="postgresql://sample:hunter2@localhost/sample",
    )
    logging.getLogger().info("started %s", settings, extra={"settings": settings})

    assert "hunter2" not in json.dumps(written())


def test_libraries_do_not_tell_of_every_step(written):
    logging.getLogger("uvicorn.error").info("Started server process")

    assert written() == []
