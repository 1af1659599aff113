"""Many rows in one statement: arrays in, `unnest` inside, whatever the number of rows.

SQLAlchemy's own multi-row insert spends about twice the time of this on the message path.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped


def insert(table: Table, then: str = "") -> str:
    """A statement that inserts rows given column by column.

    Args:
        table: Where to.
        then: What follows: `on conflict ...`, `returning ...`.
    """
    names = ", ".join(table.columns.keys())
    return f"insert into {table.name} ({names}) select * from {_rows(table.columns)} {then}"  # noqa: S608 - names of our own tables


def update(table: Table, columns: Sequence[Column[Any]]) -> str:
    """A statement that sets these columns of rows given column by column, the id first."""
    changes = ", ".join(f"{column.name} = f.{column.name}" for column in columns)
    given = [table.columns["id"], *columns]
    return f"update {table.name} as t set {changes} from {_rows(given)} where t.id = f.id"  # noqa: S608 - names of our own tables


def by_column(rows: Iterable[Sequence[Any]]) -> tuple[list[Any], ...]:
    """The parameters of such a statement: the rows, turned on their side."""
    return tuple(list(column) for column in zip(*rows, strict=True))


def _rows(columns: Iterable[Column[Any]]) -> str:
    listed = list(columns)
    arrays = ", ".join(
        f"${place}::{column.type.compile(_DIALECT)}[]"
        for place, column in enumerate(listed, start=1)
    )
    names = ", ".join(column.name for column in listed)
    return f"unnest({arrays}) as f ({names})"
