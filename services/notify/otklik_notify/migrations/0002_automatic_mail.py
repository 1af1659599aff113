"""Find quickly how much machines have written to one address."""

from alembic import op

revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        create index ix_deliveries_recipient_created_at on deliveries (recipient, created_at)
         where automatic <> ''
        """
    )
