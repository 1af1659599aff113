"""`otklik-intake serve | migrate | check-config | parse`."""

from functools import partial

from otklik_intake.adapters.html_cleaner import clean
from otklik_intake.adapters.mail_parser import parse_mail
from otklik_intake.bootstrap import bootstrap
from otklik_intake.entrypoints import cli
from otklik_intake.settings import Settings
from otklik_runtime import process


def main() -> None:
    """Run the command that the command line names."""
    commands = {"parse": partial(cli.parse, read=parse_mail, clean=clean)}
    process.main(Settings, bootstrap, migrations="otklik_intake", commands=commands)


if __name__ == "__main__":
    main()
