"""Run notify: `serve`, `migrate` or `check-config`."""

from otklik_notify.bootstrap import bootstrap
from otklik_notify.settings import Settings
from otklik_runtime import process


def main() -> None:
    """Run the command that the command line names."""
    process.main(Settings, bootstrap, migrations="otklik_notify")


if __name__ == "__main__":
    main()
