"""`python -m runner`, and the console script `runner`."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command line hears signals: no traceback out of an import

from runner.cli.app import entry  # noqa: E402

if __name__ == "__main__":
    entry()
