"""Flags that several commands have, as typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PlaybookArgument = Annotated[Path, typer.Argument(metavar="PLAYBOOK", help="the playbook, a YAML file")]
VarOption = Annotated[
    list[str], typer.Option("--var", metavar="NAME=VALUE", help="set a variable of the playbook; may be given again")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", metavar="URL", help="another warehouse than the playbook's")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines instead of text")]
ModelOption = Annotated[list[str], typer.Option("--model", metavar="TABLE", help="only this model; may be given again")]
