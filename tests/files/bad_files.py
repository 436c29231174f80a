"""All bad inputs."""

from __future__ import annotations

from tests.files.bad_file import Bad
from tests.files.bad_playbooks import BYTES, COMMAND, EMPTY, ENVIRONMENT, FEATURES, FILES, SYNTAX, TYPES, UNICODE
from tests.files.bad_sql import PHASES, SQL, TEMPLATES

CORPUS: list[Bad] = [
    *SYNTAX, *EMPTY, *BYTES, *FEATURES, *TYPES, *ENVIRONMENT, *FILES, *UNICODE, *COMMAND, *SQL, *TEMPLATES, *PHASES,
]  # fmt: skip
