"""One run of an SQL Runner playbook, from its flags to its exit code: lock, read, make ready, execute, review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path

from runner.clock import Clock
from runner.doors.sqlrunner.execute import ReadyTarget, TargetStatus, execute
from runner.doors.sqlrunner.files import queries
from runner.doors.sqlrunner.files.functions import Outside, functions
from runner.doors.sqlrunner.files.playbook import OldPlaybook
from runner.doors.sqlrunner.files.queries import ReadyStep, Unready
from runner.doors.sqlrunner.flags import Options
from runner.doors.sqlrunner.gotemplate import Value
from runner.doors.sqlrunner.gotemplate.functions.printing import plain
from runner.doors.sqlrunner.hidden import hide_given, read_hiding
from runner.doors.sqlrunner.lock import LockFile, LockHeld
from runner.doors.sqlrunner.log import Log
from runner.doors.sqlrunner.review import Code, code_of
from runner.doors.sqlrunner.targets import APP_NAME, address, errors_of, target_of
from runner.errors import BadInput
from runner.secrets import looks_secret
from runner.warehouse.base import Warehouse
from runner.warehouse.target import Target

Connect = Callable[[Target, str, float], Warehouse]  # where, what the session is called, seconds a statement may take


@dataclass(frozen=True)
class Context:
    """What a run is given by its command line."""

    log: Log
    outside: Outside
    clock: Clock
    connect: Connect
    owner: str  # who makes a lock
    at_exit: Callable[[Callable[[], None]], None]  # also if the process has to be given up


def run(options: Options, root: str, target: Target | None, context: Context) -> Code:
    """Run a playbook whose SQL lies below `root`. A `target` stands in place of its own."""
    lock = _lock(options)
    if lock is not None and lock.exists():
        context.log.message(f"Error: {lock.refusal()}")
        return _refused(Code.LOCKED, context)
    try:
        playbook = load(options, context.outside)
    except BadInput as error:
        context.log.message(f"Error getting playbook: {error}")
        return _refused(Code.FAILED, context)
    release = _make(lock, context) if lock is not None else None
    if isinstance(release, Code):
        return _refused(release, context)
    statuses = _statuses(options, playbook, root, target, context)
    code = code_of(statuses)
    if lock is not None and release is not None and (lock.soft or code in (Code.DONE, Code.NOTHING)):
        context.log.message(f"Deleting lockfile at this key '{lock.path}'")
        release()
    context.log.finished(statuses)
    return code


def load(options: Options, outside: Outside) -> OldPlaybook:
    """The playbook of the flags; its secrets are made known. Raises BadInput."""
    playbook = read_hiding(Path(options.playbook), options.variables, outside)
    for secret in _secrets(playbook, outside):
        outside.secret(secret)
    return playbook


def ready(options: Options, playbook: OldPlaybook, root: str, outside: Outside) -> tuple[ReadyStep, ...]:
    """The queries that the flags choose, as they are sent. Raises Unready."""
    steps = queries.chosen(playbook.steps, options.from_step, options.run_query)
    try:
        return queries.load(steps, root, playbook.variables, functions(outside))
    finally:
        hide_given(playbook, outside)


def _secrets(playbook: OldPlaybook, outside: Outside) -> Iterator[str]:
    """What is secret by its name."""
    public = {outside.env.get(name) for name in playbook.public}
    for name, value in playbook.variables.items():
        yield from (text for text in _secret_texts(name, value, False) if text not in public)
    for target in playbook.targets:
        for name, text in target.keys.items():
            yield from _secret_texts(name, text, False) if name != "private_key_path" else ()


def _secret_texts(name: str, value: Value, secret: bool) -> list[str]:
    """What is secret in a value: by its name, or by that of what it lies in."""
    secret = secret or looks_secret(name)
    if isinstance(value, list):
        return [text for item in value for text in _secret_texts("", item, secret)]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in _secret_texts(key, item, secret)]
    return [plain(value)] if secret and value is not None and not isinstance(value, bool) else []


def _lock(options: Options) -> LockFile | None:
    """The hard lock, if both are given. A dry run takes none."""
    if options.dry_run or not (options.lock or options.soft_lock):
        return None
    return LockFile(options.lock) if options.lock else LockFile(options.soft_lock, soft=True)


def _refused(code: Code, context: Context) -> Code:
    """Nothing was run."""
    context.log.refused(code)
    return code


def _make(lock: LockFile, context: Context) -> Code | Callable[[], None]:
    """The call that lets the lock go, or why it could not be taken."""
    context.log.message(f"Checking and setting the lockfile at this key '{lock.path}'")
    now_utc = context.outside.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    try:
        release = lock.make(now_utc, f"{context.owner} {context.outside.random_int()}")
    except LockHeld as held:
        context.log.message(f"Error: {held}")
        return Code.LOCKED
    except OSError as error:
        context.log.message(f"Error making lock: {lock.path}: {error.strerror or error}")
        return Code.FAILED
    if lock.soft:
        context.at_exit(release)
    return release


def _statuses(
    options: Options, playbook: OldPlaybook, root: str, target: Target | None, context: Context
) -> tuple[TargetStatus, ...]:
    try:
        steps = ready(options, playbook, root, context.outside)
    except Unready as unready:
        return tuple(TargetStatus(name, unready.errors) for name in _names(playbook, target))
    if options.fill_templates:
        context.log.filled(steps)
        return ()
    targets, wrong = _targets(playbook, target, options.timeout or playbook.statement_timeout_s, context)
    return (*wrong, *execute(targets, steps, options, context.clock, context.log))


def _names(playbook: OldPlaybook, target: Target | None) -> list[str]:
    return [target.engine] if target else [own.name for own in playbook.targets]


def _targets(
    playbook: OldPlaybook, target: Target | None, timeout_s: float, context: Context
) -> tuple[list[ReadyTarget], list[TargetStatus]]:
    """The targets that can be used, and the statuses of those that cannot."""
    session = f"sql-runner {playbook.path.stem}".encode("utf-8", "replace").decode()
    if target:
        return [ReadyTarget(target.engine, target.shown, partial(context.connect, target, session, timeout_s))], []
    app_name = context.outside.env.get(APP_NAME)
    usable, wrong = [], []
    for own in playbook.targets:
        if errors := errors_of(own):
            wrong.append(TargetStatus(own.name, tuple(errors)))
            continue
        where = target_of(own, f"Snowplow_{app_name}" if app_name else "")
        called = own["query_tag"] or session
        usable.append(ReadyTarget(own.name, address(own), partial(context.connect, where, called, timeout_s)))
    return usable, wrong


def check_lock(path: str, log: Log) -> Code:
    """Whether somebody has a lock."""
    if LockFile(path).exists():
        log.message(f"Error: {path} found, previous run failed or is ongoing")
        return Code.LOCKED
    log.message(f"Success: {path} does not exist")
    return Code.DONE


def delete_lock(path: str, log: Log) -> Code:
    """Delete a lock that a failed run has left."""
    lock = LockFile(path)
    if not lock.exists():
        log.message(f"Error: {path} does not exist, nothing to delete")
        return Code.FAILED
    try:
        lock.delete()
    except OSError as error:
        log.message(f"Error: {path} found but could not delete: {error.strerror or error}")
        return Code.FAILED
    log.message(f"Success: {path} found and deleted")
    return Code.DONE
