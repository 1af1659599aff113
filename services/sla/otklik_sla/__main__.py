"""Run sla: `serve`, `migrate` or `check-config`."""

from otklik_runtime import process
from otklik_sla.bootstrap import bootstrap
from otklik_sla.settings import Settings


def main() -> None:
    """Run the command that the command line names."""
    process.main(Settings, bootstrap, migrations="otklik_sla")


if __name__ == "__main__":
    main()
