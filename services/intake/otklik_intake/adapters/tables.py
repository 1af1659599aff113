"""Intake's tables, as the read queries see them; migrations create them.

The writing statements are in `repository`, by hand: each moves a whole batch as arrays.
"""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from otklik_runtime.database import metadata

_INSTANT = DateTime(timezone=True)
_ID = UUID(as_uuid=False)

tables = metadata()

channel_accounts = Table(
    "channel_accounts",
    tables,
    Column("name", Text, primary_key=True),
    Column("channel", Text),
    Column("address", Text),
    Column("display_name_ru", Text),
    Column("display_name_en", Text),
    Column("default_service", Text),
    Column("reply_account", Text),
    Column("default_locale", Text),
    Column("created_at", _INSTANT),
)

items = Table(
    "items",
    tables,
    Column("id", _ID, primary_key=True),
    Column("channel", Text),
    Column("account", Text),
    Column("partner_id", Text),
    Column("external_id", Text),
    Column("variant", LargeBinary),
    Column("content_digest", LargeBinary),
    Column("state", Text),
    Column("reason", Text),
    Column("received_at", _INSTANT),
    Column("read_at", _INSTANT),
    Column("settled_at", _INSTANT),
    Column("heavy", Boolean),
    Column("size_bytes", BigInteger),
    Column("conversation_id", _ID),
    Column("ticket_id", _ID),
    Column("subject", Text),
    Column("sender_address", Text),
    Column("traceparent", Text),
)

originals = Table(
    "originals",
    tables,
    Column("item_id", _ID, primary_key=True),
    Column("media_type", Text),
    Column("envelope_sender", Text),
    Column("recipients", ARRAY(Text)),
    Column("content", LargeBinary),
)

attachments = Table(
    "attachments",
    tables,
    Column("id", _ID, primary_key=True),
    Column("item_id", _ID),
    Column("position", Integer),
    Column("filename", Text),
    Column("content_type", Text),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column("content", LargeBinary),
)

message_ids = Table(
    "message_ids",
    tables,
    Column("digest", LargeBinary, primary_key=True),
    Column("conversation_id", _ID),
    Column("item_id", _ID),
)
