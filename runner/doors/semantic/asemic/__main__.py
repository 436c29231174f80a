"""`python -m runner.doors.semantic.asemic`, and the console script `asemic-cli`."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command line hears signals: no traceback out of an import

from runner.doors.semantic.asemic.cli import entry  # noqa: E402

if __name__ == "__main__":
    entry()
