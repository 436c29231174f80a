"""What to write instead of a refused SELECT, so that its rows stay what they are.

`key` says how a table is kept, not what is in it. Where adding the key to a clause would change the rows, the advice is
another `key`, or none; where it changes nothing if the data are so, the advice says if.
"""

from __future__ import annotations

from runner.proof.columns import Dependence
from runner.proof.relations import Frame

SPLIT = (
    "leave `key` out, or split the model: the rows of each key in one, and this in a second one without a key that"
    " reads it"
)
ALL_KEYS = f"this is about all keys: {SPLIT}"
UNPROVEN = "or write `unproven: true` if you know why it is right"
QUALIFY = "; write every column as table.column where several tables are joined"
ADD_UNIQUE = "end the order with a column that is unique within the key (one that `dedupe` or `unique` declares)"
LOOKUP_ONCE = (
    "; a look-up with a single row for each match is told by its key, `lookups: {crm.customers: {key: id}}`, or joined"
    " as (select id, max(name) as name from … group by id)"
)
ARRAY = "write (select array_agg(x order by …) …): it is null, not empty, where there are no rows"
SELECTED_TOO = "end the order with every column that is selected"
NO_KEY_ROWS = (
    "such rows belong to no key: leave `key` out; or, if they need not come out, put the tracked input on the side"
    " whose rows are kept"
)
JOINS = {
    "NATURAL": "write the columns that both have: join … using (…)",
    "ASOF": "write join … on the key and the inequality, and keep the nearest match by row_number() over (…)",
    "POSITIONAL": "rows have no position that lasts: number both sides by an order, and join them on the numbers",
}
BRANCH = "leave `key` out, or add these rows in a model without a key that reads this one"


def add_unique(frame: Frame) -> str:
    """What ends an order over these relations."""
    once = any(one.dependence is Dependence.CONSTANT for one in frame.relations.values())
    return ADD_UNIQUE + (LOOKUP_ONCE if once else "")


def add_key(key: str, clause: str, by: str, *, whole: bool = False) -> str:
    """Add the key to what a clause is by: it changes nothing where that tells it anyway; `whole`: the rows are by it."""
    if not by:
        return ALL_KEYS
    other = f"make {by} the `key`, {SPLIT}" if whole else ALL_KEYS
    return f"if every {by} belongs to one {key}, add {key} to the {clause}, which changes no row; if not, {other}"


def tie(key: str) -> str:
    """Tie rows that are joined by something else to the key."""
    return (
        f"if what matches always has the same {key}, tie it: and a.{key} = b.{key} for every key column; if not,"
        f" {ALL_KEYS}"
    )


def exists(key: str) -> str:
    """Ask for the key otherwise than by IN."""
    return (
        f"where no {key} is null, (not) exists (select … where inner.{key} = outer.{key}) is the same; if one may be,"
        f" {ALL_KEYS}"
    )


def own_key(name: str, key: str, of: str) -> str:
    """An output that has the name of the key and is `of`, which is something else; '' where no row alone tells it."""
    instead = f"select {key} as {name}, and this under another name"
    if not of:
        return instead
    return f'if it shall be the key, say so in the playbook: `key: {{{name}: "{of}"}}` over a row of its input; else {instead}'


def filled_up(name: str) -> str:
    """A key that is null on rows which an outer join fills up, grouped by."""
    return (
        f"{name} is null on rows without a match, and these are one group for all keys: write `where {name} is not null`"
        f" if they need not come out; if they do, {ALL_KEYS}"
    )


def same_place(key: str) -> str:
    """Branches of a UNION whose key is not seen to stand in one place."""
    return (
        f"name the columns of each branch, so that {key} is seen to stand in the same place; where it does not, leave"
        " `key` out"
    )
