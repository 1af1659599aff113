"""The development issuer speaks OpenID Connect as a real one does."""

import httpx
import jwt
import pytest

from otklik_runtime import keys
from tools.local.issuer.codes import challenge_of
from tools.local.issuer.people import read_people
from tools.local.issuer.tokens import Signer
from tools.local.issuer.web import application
from tools.local.processes import PEOPLE

ISSUER = "http://127.0.0.1:7409"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-43"
ASKED = {
    "response_type": "code",
    "client_id": "otklik-desk",
    "redirect_uri": "http://127.0.0.1:7400/signed-in",
    "scope": "openid profile",
    "state": "st4te",
    "nonce": "n0nce",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}
EXCHANGED = {
    "grant_type": "authorization_code",
    "redirect_uri": ASKED["redirect_uri"],
    "client_id": ASKED["client_id"],
    "code_verifier": VERIFIER,
}


@pytest.fixture
def signer():
    return Signer(issuer=ISSUER, key=keys.generate())


@pytest.fixture
async def client(signer):
    transport = httpx.ASGITransport(application(signer, read_people(PEOPLE)))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
        yield client


async def _code(client, **changed):
    answer = await client.get("/authorize/as", params={**ASKED, "person": "dev-maria", **changed})
    return answer.headers["location"].partition("code=")[2].partition("&")[0]


async def test_discovery_names_endpoints_that_answer(client):
    told = (await client.get("/.well-known/openid-configuration")).json()

    assert told["issuer"] == ISSUER
    assert (await client.get(told["jwks_uri"])).status_code == 200
    assert (await client.get(told["authorization_endpoint"])).status_code == 400


async def test_the_page_lists_the_seeded_people_in_both_languages(client):
    russian = (await client.get("/authorize", params=ASKED | {"lang": "ru"})).text
    english = (await client.get("/authorize", params=ASKED | {"lang": "en"})).text

    assert "Войти: Мария Иванова" in russian
    assert "Sign in as Мария Иванова" in english


async def test_a_click_signs_in_and_keeps_state(client):
    answer = await client.get("/authorize/as", params=ASKED | {"person": "dev-maria"})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:7400/signed-in?code=")
    assert "state=st4te" in answer.headers["location"]


async def test_the_id_token_proves_the_person_to_that_client(client, signer):
    given = (await client.post("/token", data=EXCHANGED | {"code": await _code(client)})).json()

    key = jwt.PyJWKSet((await client.get("/jwks.json")).json()["keys"]).keys[0]
    claims = jwt.decode(given["id_token"], key, algorithms=["EdDSA"], audience="otklik-desk")
    assert claims["iss"] == signer.issuer
    assert claims["sub"] == "dev-maria"
    assert claims["nonce"] == "n0nce"
    assert jwt.get_unverified_header(given["id_token"])["kid"] == key.key_id


async def test_a_code_is_good_once(client):
    exchanged = EXCHANGED | {"code": await _code(client)}
    await client.post("/token", data=exchanged)

    again = await client.post("/token", data=exchanged)

    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "another-verifier-of-whoever-stole-the-code-0"},
        {"client_id": "somebody-else"},
        {"redirect_uri": "http://127.0.0.1:9/stolen"},
    ],
)
async def test_a_code_is_good_only_for_whoever_began_the_sign_in(client, changed):
    answer = await client.post("/token", data=EXCHANGED | {"code": await _code(client)} | changed)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"scope": "profile"},
        {"redirect_uri": "https://elsewhere.example/"},
        {"redirect_uri": ""},
    ],
)
async def test_an_incomplete_or_foreign_sign_in_is_refused_with_a_sentence(client, changed):
    answer = await client.get("/authorize", params=ASKED | changed)

    assert answer.status_code == 400
    assert next(iter(changed)) in answer.text


async def test_nobody_signs_in_who_is_not_in_the_seed(client):
    answer = await client.get("/authorize/as", params=ASKED | {"person": "stranger"})

    assert answer.status_code == 400


async def test_an_unknown_host_is_refused(client):
    answer = await client.get("/authorize", params=ASKED, headers={"host": "evil.example"})

    assert answer.status_code == 400
