import socket

import nats
import nats.errors
import pytest
from nats.js.errors import NotFoundError

from otklik_runtime.testing.nats import NatsServer
from otklik_runtime.testing.process import PortBusy, ServerDidNotStart

TWO_USERS = """
authorization {
  users = [
    { user: "reader", password: "r", permissions: { publish: { deny: ">" } } }
    { user: "writer", password: "w" }
  ]
}
"""


async def test_a_stream_survives_a_kill_and_a_start_on_the_same_port(own_nats_server):
    client = await nats.connect(own_nats_server.url)
    stream = client.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    await stream.publish("kept", b"one")

    await own_nats_server.kill()
    await own_nats_server.start()

    async with await nats.connect(own_nats_server.url) as again:
        assert (await again.jsm().stream_info("KEPT")).state.messages == 1
    await client.close()


async def test_a_wiped_broker_has_forgotten_its_streams(own_nats_server):
    async with await nats.connect(own_nats_server.url) as client:
        await client.jetstream().add_stream(name="LOST", subjects=["lost"])

    await own_nats_server.kill()
    own_nats_server.wipe()
    await own_nats_server.start()

    async with await nats.connect(own_nats_server.url) as client:
        with pytest.raises(NotFoundError):
            await client.jsm().stream_info("LOST")


async def test_every_acknowledged_message_is_on_disk(own_nats_server):
    written = (own_nats_server.directory / "nats.conf").read_text()

    assert "sync_interval: always" in written
    assert (own_nats_server.directory / "nats.conf").stat().st_mode & 0o077 == 0


async def test_users_can_be_given_and_changed_while_it_runs(tmp_path):
    server = NatsServer(directory=tmp_path, configuration=TWO_USERS)
    await server.start()
    async with await nats.connect(server.url, user="writer", password="w") as client:
        await client.publish("anything", b"")

    await server.reload(TWO_USERS.replace('"w"', '"changed"'))

    with pytest.raises(nats.errors.Error, match="Authorization"):
        await nats.connect(
            server.url, user="writer", password="w", allow_reconnect=False, connect_timeout=2
        )
    async with await nats.connect(server.url, user="writer", password="changed"):
        pass
    await server.remove()


async def test_a_busy_port_is_named_in_a_sentence_that_says_what_to_do(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(PortBusy, match=rf"port {port} is taken.*OTKLIK_PORT_BASE"):
            await NatsServer(directory=tmp_path, port=port).start()


async def test_a_wrong_configuration_is_reported_with_the_servers_own_words(tmp_path):
    server = NatsServer(directory=tmp_path, configuration="no_such_option: 1")

    with pytest.raises(ServerDidNotStart, match="no_such_option"):
        await server.start()


async def test_the_monitoring_page_is_there_when_asked_for(tmp_path):
    server = NatsServer(directory=tmp_path, monitor_port=0)
    await server.start()

    with socket.create_connection(("127.0.0.1", server.monitor_port or 0)) as page:
        page.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200 OK" in page.recv(200)

    await server.remove()


async def test_a_test_finds_no_streams_of_the_test_before_it(nats_client):
    await nats_client.jetstream().add_stream(name="MINE", subjects=["mine"])

    assert len(await nats_client.jsm().streams_info()) == 1


async def test_nor_does_the_next_one(nats_client):
    assert await nats_client.jsm().streams_info() == []
