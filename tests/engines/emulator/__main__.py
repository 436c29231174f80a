"""The emulator as a process: a port, until the standard input ends."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import warnings

import uvicorn

from tests.engines.emulator.account.account import Account
from tests.engines.emulator.server.protocol import application


def until_end_of_input() -> None:
    """Whoever started this holds the other end of the pipe: with him it ends, however he ends."""
    with contextlib.suppress(Exception):
        while sys.stdin.buffer.read(1):
            pass
    os._exit(0)


def main() -> None:
    """`PORT [--patience SECONDS] [--stay]`."""
    warnings.filterwarnings("ignore")  # DuckDB's advice on Arrow
    logging.getLogger("sqlglot").setLevel("ERROR")
    arguments = sys.argv[1:]
    account = Account()
    if "--patience" in arguments:
        account.patience = float(arguments[arguments.index("--patience") + 1])
    if "--stay" not in arguments:
        threading.Thread(target=until_end_of_input, daemon=True).start()
    server = {"host": "127.0.0.1", "port": int(arguments[0]), "timeout_keep_alive": 300}
    uvicorn.run(application(account), log_level="warning", access_log=False, **server)


if __name__ == "__main__":
    main()
