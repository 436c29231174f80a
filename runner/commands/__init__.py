"""What an operator asks between runs: plan, verify, rewind, status, check, init.

Each gives a frozen value back, whose class stands beside it: the command line shows it, Python uses it as it is. Tables are
named as the playbook names them (`derived.sessions`); times are texts in UTC, `YYYY-MM-DD HH:MM:SS`.
"""
