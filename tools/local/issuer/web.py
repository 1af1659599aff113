"""The provider's pages and endpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from tools.local.issuer.codes import Asked, CodeRefused, Codes
from tools.local.issuer.people import Person
from tools.local.issuer.phrases import PHRASES
from tools.local.issuer.tokens import ALGORITHM, GOOD_SECONDS, Signer
from tools.pages import Pages, guarded_app
from tools.pages.guard import LOOPBACK_NAMES

_HERE = Path(__file__).parent


def application(signer: Signer, people: Mapping[str, Person]) -> FastAPI:
    """Make the provider: it keeps nothing but the codes of the last minute."""
    app = guarded_app(_HERE / "static")
    app.include_router(_discovery(signer))
    app.include_router(_authorization(people, codes := Codes()))
    app.include_router(_token(signer, codes))
    return app


def _discovery(signer: Signer) -> APIRouter:
    router = APIRouter()

    @router.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, object]:
        return {
            "issuer": signer.issuer,
            "authorization_endpoint": f"{signer.issuer}/authorize",
            "token_endpoint": f"{signer.issuer}/token",
            "jwks_uri": f"{signer.issuer}/jwks.json",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "none",
                "client_secret_basic",
                "client_secret_post",
            ],
            "scopes_supported": ["openid", "profile"],
            "claims_supported": ["sub", "name", "locale"],
            "ui_locales_supported": ["ru", "en"],
        }

    @router.get("/jwks.json")
    async def keys() -> dict[str, list[dict[str, str]]]:
        return signer.published()

    return router


def _authorization(people: Mapping[str, Person], codes: Codes) -> APIRouter:
    router = APIRouter()
    pages = Pages(templates=_HERE / "templates", catalogue=PHRASES)

    @router.get("/")
    async def home(request: Request) -> Response:
        return pages.render(request, "people.html", choices=())

    @router.get("/authorize")
    async def choose(request: Request) -> Response:
        """List the people; each is a link that goes on with the same question."""
        asked = dict(request.query_params)
        why = _why_refused(asked)
        if why is not None:
            return pages.render(request, "refused.html", status=400, why=why)
        choices = [
            (person, f"/authorize/as?{urlencode({**asked, 'person': person.subject})}")
            for person in people.values()
        ]
        return pages.render(request, "people.html", choices=choices)

    @router.get("/authorize/as")
    async def chosen(request: Request) -> Response:
        """Send the chosen person back to the client with a code."""
        asked = dict(request.query_params)
        person = people.get(asked.get("person", ""))
        why = _why_refused(asked) or (None if person else "nobody of this name is in the seed")
        if why is not None or person is None:
            return pages.render(request, "refused.html", status=400, why=why)
        code = codes.give(
            Asked(
                client_id=asked["client_id"],
                redirect_uri=asked["redirect_uri"],
                challenge=asked["code_challenge"],
                nonce=asked.get("nonce", ""),
            ),
            person,
        )
        return RedirectResponse(_with_query(asked["redirect_uri"], asked, code), 303)

    return router


def _token(signer: Signer, codes: Codes) -> APIRouter:
    router = APIRouter()

    @router.post("/token")
    async def token(
        *,
        grant_type: Annotated[str, Form()] = "",
        code: Annotated[str, Form()] = "",
        redirect_uri: Annotated[str, Form()] = "",
        client_id: Annotated[str, Form()] = "",
        code_verifier: Annotated[str, Form()] = "",
    ) -> Response:
        if grant_type != "authorization_code":
            return _refused("unsupported_grant_type", "only authorization_code is known")
        try:
            asked, person = codes.use(
                code, client_id=client_id, redirect_uri=redirect_uri, verifier=code_verifier
            )
        except CodeRefused as reason:
            return _refused("invalid_grant", str(reason))
        signed = signer.sign(person, client_id=client_id, nonce=asked.nonce)
        return JSONResponse(
            {
                "id_token": signed,
                # Nothing here takes an access token; the protocol wants one in the answer.
                "access_token": code,
                "token_type": "Bearer",
                "expires_in": GOOD_SECONDS,
                "scope": "openid profile",
            },
        )

    return router


def _why_refused(asked: Mapping[str, str]) -> str | None:
    """Say what is wrong with a sign-in, to the developer who began it."""
    wants = {"response_type": "code", "code_challenge_method": "S256"}
    for name, value in wants.items():
        if asked.get(name) != value:
            return f"{name} must be {value}"
    for name in ("client_id", "redirect_uri", "code_challenge"):
        if not asked.get(name):
            return f"{name} is missing"
    if "openid" not in asked.get("scope", "").split():
        return "scope must name openid"
    # Codes go to this machine only, whatever a link says.
    if urlsplit(asked["redirect_uri"]).hostname not in {*LOOPBACK_NAMES, "::1"}:
        return "redirect_uri must be on this machine (127.0.0.1 or localhost)"
    return None


def _with_query(redirect_uri: str, asked: Mapping[str, str], code: str) -> str:
    answer = {"code": code}
    if "state" in asked:
        answer["state"] = asked["state"]
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return f"{redirect_uri}{joint}{urlencode(answer)}"


def _refused(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400)
