"""Sessions and used assertions in PostgreSQL. Tokens are kept as hashes only."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_tickets.adapters.statements import execute, fetch_one
from otklik_tickets.domain.sessions import Session

_ADD = """
    insert into sessions
      (id, token_hash, kind, subject_id, conversation_id, locale, created_at, expires_at)
    values ($1::uuid, $2, $3, $4::uuid, $5::uuid, $6, $7::timestamptz, $8::timestamptz)
"""
_BY_HASH = """
    select id::text, token_hash, kind, subject_id::text, coalesce(conversation_id::text, ''),
           locale, created_at, expires_at, revoked_at
      from sessions where token_hash = $1
"""
_REVOKE = """
    update sessions set revoked_at = $2::timestamptz where id = $1::uuid and revoked_at is null
"""
_USE = """
    insert into used_assertions (issuer, assertion_id, expires_at)
    values ($1, $2, $3::timestamptz) on conflict do nothing returning issuer
"""
# What is over can be used no more in any case, so it need not be remembered.
_FORGET = """
    delete from used_assertions where (issuer, assertion_id) in
      (select issuer, assertion_id from used_assertions
        where expires_at < $1::timestamptz - interval '1 minute'
        order by expires_at limit 20 for update skip locked)
"""
_PRUNE = """
    delete from sessions where id in
      (select id from sessions where expires_at < $1::timestamptz - interval '30 days'
        order by expires_at limit 20 for update skip locked)
"""


class PostgresSessions:
    """Sessions of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Use the transaction's connection."""
        self._connection = connection

    async def add(self, session: Session) -> None:
        """Keep a new session, and forget some that ended long ago."""
        await execute(
            self._connection,
            _ADD,
            session.id,
            session.token_hash,
            session.kind,
            session.subject_id,
            session.conversation_id or None,
            session.locale,
            session.created_at,
            session.expires_at,
        )
        await execute(self._connection, _PRUNE, session.created_at)

    async def by_token_hash(self, token_hash: bytes) -> Session | None:
        """The session of the token with this hash."""
        row = await fetch_one(self._connection, _BY_HASH, token_hash)
        if row is None:
            return None
        return Session(
            id=row[0],
            token_hash=row[1],
            kind=row[2],
            subject_id=row[3],
            conversation_id=row[4],
            locale=row[5],
            created_at=row[6],
            expires_at=row[7],
            revoked_at=row[8],
        )

    async def revoke(self, session_id: str, now: datetime) -> None:
        """End the session, if nobody has."""
        await execute(self._connection, _REVOKE, session_id, now)

    async def use_assertion(
        self, issuer: str, assertion_id: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        """Remember that this assertion was used; false when it was used before."""
        await execute(self._connection, _FORGET, now)
        used = await fetch_one(self._connection, _USE, issuer, assertion_id, expires_at)
        return used is not None
