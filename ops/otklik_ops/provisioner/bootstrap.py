"""The provisioner's composition root."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from otklik_ops.flows import contracted
from otklik_ops.provisioner.broker import Broker
from otklik_ops.provisioner.definitions import definitions
from otklik_ops.provisioner.entrypoint import Provisioner
from otklik_ops.provisioner.keeper import Keeper
from otklik_ops.provisioner.settings import Settings
from otklik_runtime.bus import Bus
from otklik_runtime.health import Entrypoint
from otklik_runtime.http_server import HttpServer, probe_app


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> Sequence[Entrypoint]:
    """Keep the broker right, and answer health checks."""
    bus = await Bus.open(
        settings.nats_url,
        stack,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
    )
    wanted = definitions(contracted(), replicas=settings.replicas)
    provisioner = Provisioner(Keeper(Broker(bus), wanted))
    return [provisioner, HttpServer(probe_app(), settings)]
