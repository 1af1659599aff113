"""Run the desk: `serve` or `check-config`."""

from otklik_desk.bootstrap import bootstrap
from otklik_desk.settings import Settings
from otklik_runtime import process


def main() -> None:
    """Run the command that the command line names."""
    process.main(Settings, bootstrap)


if __name__ == "__main__":
    main()
