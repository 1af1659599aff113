import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest

from otklik_runtime import assertions, auth, jwks, keys
from otklik_runtime.auth import Principal, TokenIssuer
from otklik_runtime.errors import Unauthenticated, Unavailable
from otklik_runtime.jwks import JwksVerifier

CALLER = Principal("customer", "c-1", frozenset({"customer"}), conversation_id="x", locale="ru")


class Published:
    """A web server that publishes a document and counts who reads it."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.reads = 0
        self.url = ""


@contextmanager
def publishing(document: Any) -> Iterator[Published]:
    published = Published(document)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.reads += 1
            body = json.dumps(published.document).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    published.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield published
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_token_is_believed_by_whoever_has_the_published_keys():
    issuer = TokenIssuer([keys.generate()])
    with publishing(issuer.jwks()) as published:
        verifier = JwksVerifier(published.url)

        assert await verifier.verify(issuer.issue(CALLER)) == CALLER


async def test_the_keys_are_read_once_for_many_callers():
    issuer = TokenIssuer([keys.generate()])
    with publishing(issuer.jwks()) as published:
        verifier = JwksVerifier(published.url)
        tokens = [issuer.issue(Principal("agent", str(n), frozenset())) for n in range(20)]

        await asyncio.gather(*(verifier.verify(token) for token in tokens))

        assert published.reads == 1


async def test_a_new_key_is_found_and_forged_tokens_do_not_make_us_read_every_time(
    monkeypatch: pytest.MonkeyPatch,
):
    old, new = keys.generate(), keys.generate()
    with publishing(TokenIssuer([old]).jwks()) as published:
        verifier = JwksVerifier(published.url)
        await verifier.verify(TokenIssuer([old]).issue(CALLER))
        rotated = TokenIssuer([new, old])
        published.document = rotated.jwks()

        for _ in range(5):
            with pytest.raises(Unauthenticated):
                await verifier.verify(TokenIssuer([keys.generate()]).issue(CALLER))
        assert published.reads == 1
        monkeypatch.setattr(jwks, "REFETCH_SECONDS", 0.0)

        assert await verifier.verify(rotated.issue(CALLER)) == CALLER
        assert await verifier.verify(TokenIssuer([old]).issue(CALLER)) == CALLER
        assert published.reads == 2


async def test_without_the_issuer_known_keys_stay_good_and_unknown_ones_wait():
    issuer = TokenIssuer([keys.generate()])
    with publishing(issuer.jwks()) as published:
        verifier = JwksVerifier(published.url)
        await verifier.verify(issuer.issue(CALLER))

    assert await verifier.verify(issuer.issue(CALLER)) == CALLER
    with pytest.raises(Unavailable, match="cannot be read"):
        await JwksVerifier(published.url).verify(issuer.issue(CALLER))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody"},
        {"aud": "else"},
        {"exp": None},
        {"nbf": None},
        {"kind": "god"},
        {"roles": "admin"},
        {"nbf": 9999999999},
    ],
)
async def test_a_token_with_a_wrong_claim_is_none(change: dict[str, Any]):
    key = keys.generate()
    issuer = TokenIssuer([key])
    claims = jwt.decode(issuer.issue(CALLER), options={"verify_signature": False}) | change
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {"kid": keys.key_id(key.public_key())}

    with pytest.raises(Unauthenticated):
        await issuer.verify(jwt.encode(claims, key, algorithm="EdDSA", headers=headers))


async def test_only_our_algorithm_is_believed():
    key = keys.generate()
    issuer = TokenIssuer([key])
    claims = jwt.decode(issuer.issue(CALLER), options={"verify_signature": False})
    headers = {"kid": keys.key_id(key.public_key())}
    unsigned = jwt.encode(claims, None, algorithm="none", headers=headers)
    symmetric = jwt.encode(claims, "a secret of thirty-two characters", "HS256", headers)

    for token in (unsigned, symmetric, "nonsense", "a.b.c", ""):
        with pytest.raises(Unauthenticated):
            await issuer.verify(token)


async def test_a_token_that_was_good_is_refused_once_it_expires(monkeypatch: pytest.MonkeyPatch):
    issuer = TokenIssuer([keys.generate()])
    token = issuer.issue(CALLER)
    await issuer.verify(token)
    later = auth.time.time() + 301
    monkeypatch.setattr(auth.time, "time", lambda: later)

    with pytest.raises(Unauthenticated, match="expired"):
        await issuer.verify(token)


def test_an_assertion_proves_who_signed_it():
    key = keys.generate()
    assertion = assertions.sign("sla", key)

    assert assertions.claimed_name(assertion) == "sla"
    assert assertions.verify(assertion, key.public_key()) == "sla"
    with pytest.raises(Unauthenticated):
        assertions.verify(assertion, keys.generate().public_key())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": 1}, "proof_expired"),
        ({"iss": "another"}, "proof_refused"),
        ({"aud": "another"}, "proof_refused"),
        ({"exp": 9999999999}, "proof_refused"),
        ({"iat": None}, "proof_refused"),
    ],
)
def test_an_assertion_that_is_not_as_agreed_is_refused(change: dict[str, Any], code: str):
    key = keys.generate()
    claims = jwt.decode(assertions.sign("sla", key), options={"verify_signature": False}) | change
    claims = {name: value for name, value in claims.items() if value is not None}

    with pytest.raises(Unauthenticated) as refused:
        assertions.verify(jwt.encode(claims, key, algorithm="EdDSA"), key.public_key())

    assert refused.value.code == code


def test_keys_survive_their_files(tmp_path):
    first, second = keys.generate(), keys.generate()
    keys.save_private(first, tmp_path / "one.pem")
    keys.save_private(second, tmp_path / "two.pem")
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "one.pem").read_bytes() + (tmp_path / "two.pem").read_bytes())

    loaded = keys.load_private(both)

    assert [keys.key_id(key.public_key()) for key in loaded] == [
        keys.key_id(key.public_key()) for key in (first, second)
    ]
    assert keys.read_public(keys.public_text(first.public_key())) == first.public_key()
    assert (tmp_path / "one.pem").stat().st_mode & 0o077 == 0
    (tmp_path / "bad.pem").write_text("nonsense")
    with pytest.raises(keys.KeyRefused, match="openssl genpkey"):
        keys.load_private(tmp_path / "bad.pem")


def test_a_principal_knows_what_it_may_act_as():
    lead = Principal("agent", "a-1", frozenset({"agent", "lead"}))

    assert lead.actor == "agent/a-1"
    assert lead.has_role("admin", "lead")
    assert not lead.has_role("admin")
