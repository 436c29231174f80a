"""The command `runner generate`: which products and choices are meant, what is printed, written or compared, and --apply."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from runner.doors.products.apply import Applying
from runner.doors.products.choose.naming import Given
from runner.doors.products.files.read import product_files
from runner.doors.products.generate import (
    Generated,
    Job,
    MovedOn,
    compare_files,
    list_choices,
    make_files,
    marked_files,
    write_files,
)
from runner.doors.products.output.files import Output
from runner.doors.products.selection import ENDING, Asked, Selection, selections, stored_for
from runner.doors.products.settings import job_of, refuse_to_run, word
from runner.errors import BadInput, Place, Problem, Problems
from runner.playbook.load import given_target
from runner.session.process import Process
from runner.warehouse import connect
from runner.warehouse.target import Target


@dataclass(frozen=True)
class Flags:
    """The command line, as it was typed."""

    products: tuple[Path, ...]
    asked: Asked
    target: str | None
    out: Path | None
    apply: bool
    list: bool
    json: bool
    check: bool


@dataclass(frozen=True)
class _Wanted:
    """One output of one product, and the names that its columns had before."""

    product: Path
    asked: Asked
    names: tuple[Given, ...] = ()
    stored: Path | None = None

    def job(self, target: Target | None) -> Job:
        return job_of(self.product, self.asked, self.names, target)


def generate(flags: Flags, process: Process) -> None:
    """Print, write, compare or apply, product by product; all that is wrong is told at once."""
    flags = _with_folder(flags)
    target = _target(flags, process)
    _fits(flags)
    wrong: list[Problem] = []
    moved: list[MovedOn] = []
    for wanted in _wanted(flags):
        try:
            _one(wanted, flags, target, process)
        except BadInput as bad:
            wrong += bad.problems
        except MovedOn as found:
            moved.append(found)
    if wrong:
        raise BadInput(wrong)
    if moved:
        raise MovedOn("\n".join(one.what for one in moved), moved[0].hint)


def _with_folder(flags: Flags) -> Flags:
    """`--check models/`: what stands in the place of an output is the folder."""
    said = flags.asked.output
    if not flags.products and not flags.out and said and Path(said).exists():
        return replace(flags, out=Path(said), asked=replace(flags.asked, output=""))
    return flags


def _fits(flags: Flags) -> None:
    """Flags that need each other."""
    refuse_to_run(flags.asked, running=flags.apply)
    if flags.check and not flags.out:
        hint = "the folder of the files that were generated: runner generate --check models"
        raise BadInput(Problem(Place(), "--check needs -o DIR", hint))
    if flags.apply and (not flags.target or flags.asked.output != Output.VIEW):
        what = "--apply needs --target URL" if not flags.target else "--apply is for the view"
        raise BadInput(Problem(Place(), what, "runner generate view … --apply --target duckdb:///web.duckdb"))
    if flags.json and not flags.list:
        raise BadInput(Problem(Place(), "--json is for --list", "runner generate view … --list --json"))
    if not flags.products and not flags.out:
        what = "no data product is named"
        raise BadInput(Problem(Place(), what, "runner generate view checkout.yml --schemas schemas"))
    if flags.products and flags.asked.output:
        word(Output, flags.asked.output, "output")


def _wanted(flags: Flags) -> list[_Wanted]:
    """The products that are named, with what is stored for them; or all that is stored in the folder."""
    if not flags.products and flags.out:
        found = [
            _Wanted(one.product, flags.asked.over(one.asked), one.names, one.path)
            for one in selections(flags.out)
            if flags.asked.output in ("", one.asked.output)
        ]
        if not found:
            what = f"no {flags.asked.output or 'output'} was chosen here: there is no *{ENDING} of it"
            hint = f"runner generate playbook PRODUCT --schemas DIR -o {flags.out} writes one"
            raise BadInput(Problem(Place(flags.out), what, hint))
        return found
    problems = Problems()
    paths = [path for one in flags.products for path in product_files(one, problems)]
    if len(paths) > 1 and (flags.asked.events or flags.asked.entities):
        what = f"--event and --entity choose of one product, and there are {len(paths)}"
        raise BadInput(Problem(Place(), what, "name one product, or leave them out"))
    made = []
    for path in paths:
        stored = stored_for(path, flags.asked.output, flags.out, problems) if flags.out else None
        asked, names = (flags.asked.over(stored.asked), stored.names) if stored else (flags.asked, ())
        made.append(_Wanted(path, asked, names))
    return made


def _one(wanted: _Wanted, flags: Flags, target: Target | None, process: Process) -> None:
    job = wanted.job(target)
    if flags.list:
        _list(job, flags, process)
        return
    if flags.apply and target and not flags.check:
        made = _apply(job, target, process)
    else:
        made = make_files(job)
        _tell(made.notes, process)
    folder = flags.out if flags.out is None or flags.out.is_dir() or not flags.out.exists() else flags.out.parent
    if flags.check and folder:
        _compare(made, wanted, folder)
        process.out.write(f"{', '.join(file.name for file in made.files)}: up to date\n")
        return
    if folder:
        for path in (*write_files(made, folder), _keep(made, wanted, folder)):
            process.out.write(f"wrote {path}\n")
        _tell(_left_behind(made, folder), process)
    elif not flags.apply:
        several = len(made.files) > 1
        for file in made.files:
            process.out.write((f"-- {file.name}\n" if several else "") + file.text)
    if flags.apply and target:
        process.out.write(f"created {made.plan.view} in {target.shown}\n")


def _list(job: Job, flags: Flags, process: Process) -> None:
    found = list_choices(job)
    if flags.json:
        process.out.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        process.out.write("".join(f"{line}\n" for line in found.lines()))


def _compare(made: Generated, wanted: _Wanted, folder: Path) -> None:
    """Raises MovedOn where a file is another, or was chosen under a name that the product has no more."""
    if wanted.stored and wanted.stored != folder / (made.plan.chosen + ENDING):
        what = (
            f"{wanted.stored}: the product is called {made.plan.wide.product.name} now, which makes {made.plan.chosen}"
        )
        raise MovedOn(what, "generate it again, and remove the files of the old name")
    compare_files(made, folder)


def _keep(made: Generated, wanted: _Wanted, folder: Path) -> Path:
    """The choice, for the next time; names that are not in use now are kept."""
    path = folder / (made.plan.chosen + ENDING)
    now = {one.source for one in made.plan.wide.given}
    names = (*made.plan.wide.given, *(one for one in wanted.names if one.source not in now))
    layout = made.plan.layout
    asked = replace(wanted.asked, engine=layout.engine.name, layout=layout.name, match=str(made.plan.wide.match))
    product = made.plan.wide.product
    path.write_text(Selection(path, wanted.product, product.id, asked, names).text(), encoding="utf-8")
    return path


def _left_behind(made: Generated, folder: Path) -> tuple[str, ...]:
    """What is told of files that this output of the product had under another name."""
    old = sorted(set(marked_files(folder, made.plan)) - {file.name for file in made.files})
    chosen = [one.path.name for one in selections(folder) if one.id == made.plan.wide.product.id]
    mine = {made.plan.chosen + ENDING}
    old += [name for name in chosen if name not in mine and any(file.startswith(name.split(".")[0]) for file in old)]
    if not old:
        return ()
    return (f"the product has another name now, and {', '.join(old)} are left: remove them, and drop what they made",)


def _target(flags: Flags, process: Process) -> Target | None:
    """The target with its ${VAR} filled in; a password written out is refused."""
    if flags.target is None:
        return None
    problems = Problems()
    found = given_target(flags.target, process.env, problems)
    problems.finish()
    process.hide_target(found, flags.target)
    return found


def _apply(job: Job, target: Target, process: Process) -> Generated:
    """Make the View of what the target has."""
    warehouse = connect(target, "runner generate", new=False, watch=process.watch, secrets=process.secrets)
    try:
        applying = Applying(warehouse, target)
        made = make_files(job, applying.look)
        _tell(made.notes, process)
        applying.apply(made.plan)
        return made
    finally:
        warehouse.close()


def _tell(notes: tuple[str, ...], process: Process) -> None:
    for note in notes:
        process.err.write(f"note: {note}\n")
