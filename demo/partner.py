"""A partner's first call, whole: sign, exchange, submit twice, ask what became of it.

Run it beside `make up`:

    .venv/bin/python demo/partner.py

It needs grpcio, PyJWT, cryptography and the generated contracts: copy it.
"""

import argparse
import json
import time
import uuid
from pathlib import Path

import grpc
import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from otklik.intake.v1 import intake_service_pb2, intake_service_pb2_grpc, item_pb2
from otklik.tickets.v1 import identity_service_pb2, identity_service_pb2_grpc

STATE = Path(__file__).resolve().parent.parent / ".run"
ASSERTION_SECONDS = 300


def main() -> None:
    """Submit one message as the demo's partner and print its ticket."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--intake", default="127.0.0.1:7411", help="where intake answers gRPC")
    parser.add_argument("--tickets", default="127.0.0.1:7412", help="where tickets answers gRPC")
    parser.add_argument("--key", type=Path, default=STATE / "secrets" / "partner.pem")
    options = parser.parse_args()
    if not (STATE / "partner.json").exists():
        parser.error("there is no partner yet: start `make up` in another terminal first")
    partner = json.loads((STATE / "partner.json").read_text("utf-8"))["name"]

    # 1. Prove who is calling: an assertion signed with the partner's own key (RFC 7523).
    now = int(time.time())  # noqa: TID251 - a partner's program has its own clock
    partner_id = partner.removeprefix("partners/")
    claims = {
        "iss": partner_id,
        "sub": partner_id,
        "aud": "otklik",
        "iat": now,
        "nbf": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": str(uuid.uuid4()),  # noqa: TID251 - a partner's program makes its own ids
    }
    key = load_pem_private_key(options.key.read_bytes(), password=None)
    assertion = jwt.encode(claims, key, algorithm="EdDSA")

    # 2. Exchange it for an access token, good for five minutes.
    with grpc.insecure_channel(options.tickets) as channel:
        answer = identity_service_pb2_grpc.IdentityServiceStub(channel).ExchangeToken(
            identity_service_pb2.ExchangeTokenRequest(
                subject_token_type=identity_service_pb2.SUBJECT_TOKEN_TYPE_PARTNER_ASSERTION,
                subject_token=assertion,
            ),
            timeout=5,
        )
    bearer = (("authorization", f"Bearer {answer.access_token}"),)

    # 3. Submit. After a lost answer send the same request_id again: it is the same message.
    with grpc.insecure_channel(options.intake) as channel:
        intake = intake_service_pb2_grpc.IntakeServiceStub(channel)
        request = intake_service_pb2.SubmitMessageRequest(
            request_id=str(uuid.uuid4()),  # noqa: TID251 - a partner's program makes its own ids
            account="channelAccounts/partner-api",
            sender_address="first.call@customer.example",
            sender_name="First Call",
            subject="The terminal shows no network",
            text="Since this morning the terminal says that there is no connection to the bank.",
        )
        item = intake.SubmitMessage(request, timeout=5, metadata=bearer)
        again = intake.SubmitMessage(request, timeout=5, metadata=bearer)
        print(f"{item.name}, twice the same: {again.name == item.name}")

        # 4. Ask what became of it.
        while item.state == item_pb2.ITEM_STATE_PENDING:
            time.sleep(0.1)
            get = intake_service_pb2.GetItemRequest(name=item.name)
            item = intake.GetItem(get, timeout=5, metadata=bearer)
    print(f"{item_pb2.ItemState.Name(item.state)}: {item.ticket}")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as refused:
        raise SystemExit(f"{refused.code().name}: {refused.details()}") from None
