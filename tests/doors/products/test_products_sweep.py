"""A sample of the sweep: schemas of Iglu Central in every layout, each value compared with its JSON."""

from __future__ import annotations

import os
import random

import pytest

from tests.doors.products.sweep import DATA, LAYOUTS, cases, sweep

SEED = int(os.environ.get("RUNNER_TEST_SEED", "1"))
# Objects within objects, unions, names with dashes, money, arrays of objects.
ALWAYS = (
    "com.mandrill/message_clicked/jsonschema/1-0-2",
    "com.getvero/bounced/jsonschema/1-0-0",
    "com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0",
)
MORE = 12  # by chance


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sample(layout: str) -> None:
    """Whatever a schema says and however a loader lays it out, the View gives back what the JSON has."""
    every = [case for case in cases() if case.layout == layout]
    if not every:
        pytest.skip(f"no schemas: {DATA} is missing (set RUNNER_TEST_DATA)")
    chosen = [case for case in every if str(case).startswith(ALWAYS)]
    assert len(chosen) == 3 * len(ALWAYS)
    chosen += random.Random(SEED).sample(every, MORE)
    found = sweep(chosen, SEED)
    assert found.notes == [], f"seed {SEED}"
    assert (found.generated, found.ran, found.right) == (len(chosen),) * 3
