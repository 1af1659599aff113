"""The provisioner's composition root."""

import logging
from contextlib import AsyncExitStack

import nats
from nats.aio.client import Client

from otklik_ops.flows import contracted
from otklik_ops.permissions import inbox_prefix
from otklik_ops.provisioner.broker import Broker
from otklik_ops.provisioner.definitions import definitions
from otklik_ops.provisioner.entrypoint import Provisioner
from otklik_ops.provisioner.keeper import Keeper
from otklik_ops.provisioner.settings import Settings
from otklik_runtime import telemetry
from otklik_runtime.http_app import HttpServer, http_app
from otklik_runtime.process import Entrypoint

logger = logging.getLogger(__name__)


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> list[Entrypoint]:
    """Connect to the broker and keep it right; answer health checks."""
    telemetry.open(settings, stack)
    client = await connect(settings)
    stack.push_async_callback(client.close)
    keeper = Keeper(Broker(client), definitions(contracted(), replicas=settings.replicas))
    return [Provisioner(keeper), HttpServer(http_app(settings, "Otklik provisioner"), settings)]


async def connect(settings: Settings) -> Client:
    """Connect as the provisioner's own user, for as long as it takes."""
    return await nats.connect(
        settings.nats_url,
        name="otklik-provisioner",
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
        inbox_prefix=inbox_prefix(settings.nats_user),
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=_tell_error,
    )


async def _tell_error(error: Exception) -> None:
    # A request refused by permissions is a plain timeout; the reason comes here only.
    logger.warning("the broker complained", extra={"why": str(error)})
