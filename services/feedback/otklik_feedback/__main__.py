"""Run feedback: `serve`, `migrate` or `check-config`."""

from otklik_feedback.bootstrap import bootstrap
from otklik_feedback.settings import Settings
from otklik_runtime import process


def main() -> None:
    """Run the command that the command line names."""
    process.main(Settings, bootstrap, migrations="otklik_feedback")


if __name__ == "__main__":
    main()
