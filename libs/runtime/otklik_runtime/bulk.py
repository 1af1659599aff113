"""Many rows in one statement: arrays in, `unnest` inside, whatever the number of rows.

The statement is the same text for one row and for a hundred, so PostgreSQL prepares it once.
SQLAlchemy's own multi-row insert writes another statement for each number of rows, and its update
of many rows is one statement a row: both cost several times as much on the message path.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped


def insert(table: Table, then: str = "") -> str:
    """A statement that inserts rows given column by column.

    A document is given as its JSON text. An array of words is given as one text with a space
    between them: PostgreSQL has no array of arrays of different lengths.

    Args:
        table: Where to.
        then: What follows: `on conflict ...`, `returning ...`.
    """
    names = ", ".join(table.columns.keys())
    given = ", ".join(_value(column) for column in table.columns)
    return f"insert into {table.name} ({names}) select {given} from {_rows(table.columns)} {then}"  # noqa: S608 - names of our own tables


def update(table: Table, columns: Sequence[Column[Any]]) -> str:
    """A statement that sets these columns of rows given column by column, the primary key first."""
    [key] = table.primary_key.columns
    changes = ", ".join(f"{column.name} = {_value(column)}" for column in columns)
    given = _rows([key, *columns])
    return f"update {table.name} as t set {changes} from {given} where t.{key.name} = f.{key.name}"  # noqa: S608 - names of our own tables


def by_column(rows: Iterable[Sequence[Any]]) -> tuple[list[Any], ...]:
    """The parameters of such a statement: the rows, turned on their side."""
    return tuple(list(column) for column in zip(*rows, strict=True))


def _rows(columns: Iterable[Column[Any]]) -> str:
    listed = list(columns)
    arrays = ", ".join(
        f"${place}::{_type(column)}[]" for place, column in enumerate(listed, start=1)
    )
    names = ", ".join(column.name for column in listed)
    return f"unnest({arrays}) as f ({names})"


def _type(column: Column[Any]) -> str:
    if isinstance(column.type, (ARRAY, JSONB)):
        return "text"
    written: str = column.type.compile(_DIALECT)
    return written


def _value(column: Column[Any]) -> str:
    if isinstance(column.type, ARRAY):
        return f"string_to_array(f.{column.name}, ' ')"
    return f"f.{column.name}::jsonb" if isinstance(column.type, JSONB) else f"f.{column.name}"
