"""The provider of identity: what is asked of it, and what is not believed."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from otklik_desk.adapters.provider import OidcProvider
from otklik_desk.domain.errors import SignInFailed
from otklik_runtime.errors import Unavailable

ISSUER = "https://provider.example/realm"
BACK = "https://desk.example/sign-in/return"


class Provider:
    """Answers as it is told."""

    def __init__(self):
        self.configuration = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize?realm=1",
            "token_endpoint": f"{ISSUER}/token",
        }
        self.nonce = None
        self.answer = None
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        if request.url.path.endswith("/openid-configuration"):
            return httpx.Response(200, json=self.configuration)
        if self.answer is not None:
            return self.answer
        token = jwt.encode({"nonce": self.nonce}, "0" * 32, algorithm="HS256")
        return httpx.Response(200, json={"id_token": token})


@pytest.fixture
def world():
    return Provider()


@pytest.fixture
async def provider(world):
    made = OidcProvider(
        ISSUER,
        client_id="otklik-desk",
        client_secret="",
        transport=httpx.MockTransport(world),
    )
    yield made
    await made.close()


async def test_a_sign_in_asks_with_a_challenge_and_answers_with_its_verifier(provider, world):
    begun = await provider.begin(return_address=BACK, locale="ru")
    asked = {name: value[0] for name, value in parse_qs(urlsplit(begun.address).query).items()}
    world.nonce = begun.nonce

    id_token = await provider.finish(begun, code="code", return_address=BACK)

    digest = hashlib.sha256(begun.verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    expected = {
        "realm": "1",
        "response_type": "code",
        "client_id": "otklik-desk",
        "redirect_uri": BACK,
        "scope": "openid profile",
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "ui_locales": "ru",
    }
    assert asked == expected
    told = parse_qs(world.asked[-1].content.decode())
    assert told["code_verifier"] == [begun.verifier]
    assert told["grant_type"] == ["authorization_code"]
    assert jwt.decode(id_token, options={"verify_signature": False})["nonce"] == begun.nonce


async def test_no_two_sign_ins_share_a_secret(provider):
    one = await provider.begin(return_address=BACK, locale="en")
    other = await provider.begin(return_address=BACK, locale="en")

    secrets = [one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier]
    assert len(set(secrets)) == 6


async def test_a_token_that_answers_another_question_is_not_believed(provider, world):
    begun = await provider.begin(return_address=BACK, locale="ru")
    world.nonce = "of another sign-in"

    with pytest.raises(SignInFailed) as refused:
        await provider.finish(begun, code="code", return_address=BACK)

    assert refused.value.facts == {"reason": "refused"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "refused"),
        (httpx.Response(200, text="<html>"), "provider"),
        (httpx.Response(200, json=["id_token"]), "provider"),
        (httpx.Response(200, json={"id_token": "no token"}), "provider"),
        (httpx.Response(200, json={}), "provider"),
    ],
)
async def test_an_answer_that_is_none_is_a_failed_sign_in(provider, world, answer, reason):
    begun = await provider.begin(return_address=BACK, locale="ru")
    world.answer = answer

    with pytest.raises(SignInFailed) as refused:
        await provider.finish(begun, code="code", return_address=BACK)

    assert refused.value.facts == {"reason": reason}


@pytest.mark.parametrize(
    "changes", [{"issuer": "https://evil.example"}, {"token_endpoint": None}], ids=str
)
async def test_a_configuration_of_somebody_else_is_not_used(provider, world, changes):
    world.configuration = {
        name: value for name, value in (world.configuration | changes).items() if value
    }

    with pytest.raises(Unavailable):
        await provider.begin(return_address=BACK, locale="ru")


async def test_a_client_with_a_secret_says_it_where_it_belongs(world):
    provider = OidcProvider(
        ISSUER,
        client_id="otklik desk",
        client_secret="a:b/c",
        transport=httpx.MockTransport(world),
    )
    begun = await provider.begin(return_address=BACK, locale="ru")
    world.nonce = begun.nonce

    await provider.finish(begun, code="code", return_address=BACK)

    written = base64.b64encode(b"otklik+desk:a%3Ab%2Fc").decode()
    assert world.asked[-1].headers["authorization"] == f"Basic {written}"
    await provider.close()
