"""`otklik-provisioner serve | check-config`."""

from otklik_ops.provisioner.bootstrap import bootstrap
from otklik_ops.provisioner.settings import Settings
from otklik_runtime import process


def main() -> None:
    """Run the provisioner."""
    process.main(Settings, bootstrap)


if __name__ == "__main__":
    main()
