"""JetStream's management API, as far as the provisioner needs it."""

import json
from typing import Any, Final

from nats.errors import Error, NoRespondersError

from otklik_ops.provisioner.definitions import Config, Consumer, Stream
from otklik_runtime.bus import Bus
from otklik_runtime.errors import Conflict, NotFound, Unavailable

ANSWER_SECONDS: Final = 5
STREAM_NOT_FOUND: Final = 10059
CONSUMER_NOT_FOUND: Final = 10014
# JetStream's codes are HTTP's; a change it cannot make to an existing stream is a 500 to it.
HTTP_UNAVAILABLE: Final = 503

Answer = dict[str, Any]


class Broker:
    """Asks JetStream about streams and consumers and tells it to create or change them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def stream(self, wanted: Stream) -> Config:
        """Read a stream's configuration.

        Raises:
            NotFound: there is no such stream.
        """
        answer = await self._ask(f"STREAM.INFO.{wanted.name}", {})
        return _config(answer)

    async def create_stream(self, wanted: Stream) -> None:
        """Create a stream."""
        await self._ask(f"STREAM.CREATE.{wanted.name}", dict(wanted.config))

    async def update_stream(self, name: str, config: Config) -> None:
        """Change a stream.

        Raises:
            Conflict: JetStream cannot make this change to an existing stream.
        """
        await self._ask(f"STREAM.UPDATE.{name}", dict(config))

    async def consumer(self, wanted: Consumer) -> Config:
        """Read a consumer's configuration.

        Raises:
            NotFound: there is no such consumer, or no such stream.
        """
        return _config(await self._ask(f"CONSUMER.INFO.{wanted.stream}.{wanted.name}", {}))

    async def create_consumer(self, wanted: Consumer) -> None:
        """Create a consumer; refused when another one of this name was made meanwhile."""
        await self._put_consumer(wanted.stream, wanted.name, wanted.config, action="create")

    async def update_consumer(self, wanted: Consumer, config: Config) -> None:
        """Change a consumer, which keeps its place in the stream.

        Raises:
            Conflict: JetStream cannot make this change to an existing consumer.
        """
        await self._put_consumer(wanted.stream, wanted.name, config, action="update")

    async def _put_consumer(self, stream: str, name: str, config: Config, *, action: str) -> None:
        asked = {"stream_name": stream, "config": {**config, "name": name}, "action": action}
        await self._ask(f"CONSUMER.CREATE.{stream}.{name}", asked)

    async def _ask(self, verb: str, asked: Answer) -> Answer:
        payload = json.dumps(asked).encode() if asked else b""
        why_not = self._bus.ready()
        if why_not is not None:
            raise Unavailable("broker_unreachable", why_not)
        client = await self._bus.client()
        try:
            message = await client.request(f"$JS.API.{verb}", payload, timeout=ANSWER_SECONDS)
        except NoRespondersError as reason:
            raise Unavailable(
                "jetstream_unavailable",
                "The broker has no JetStream: its configuration needs a `jetstream` block.",
            ) from reason
        except Error as reason:
            raise Unavailable(
                "broker_silent",
                f"The broker did not answer {verb}: it is not reachable, has no leader, or this "
                "user may not ask.",
                verb=verb,
            ) from reason
        answer: Answer = json.loads(message.data)
        _raise_error(verb, answer.get("error"))
        return answer


def _raise_error(verb: str, error: Answer | None) -> None:
    if error is None:
        return
    code, description = error.get("err_code"), error.get("description", "")
    if code in {STREAM_NOT_FOUND, CONSUMER_NOT_FOUND}:
        raise NotFound("not_provisioned", f"{verb}: {description}", verb=verb)
    if error.get("code") == HTTP_UNAVAILABLE:
        raise Unavailable("jetstream_refused", f"{verb}: {description}", verb=verb, error=code)
    raise Conflict("definition_refused", f"{verb}: {description}", verb=verb, error=code)


def _config(answer: Answer) -> Config:
    config: Answer = answer["config"]
    return config
