"""Run tickets: `serve`, `migrate` or `check-config`."""

from otklik_runtime import process
from otklik_tickets.bootstrap import bootstrap
from otklik_tickets.settings import Settings


def main() -> None:
    """Run the command that the command line names."""
    process.main(Settings, bootstrap, migrations="otklik_tickets")


if __name__ == "__main__":
    main()
