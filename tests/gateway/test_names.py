"""Names for clients: valid everywhere, stable, never two alike."""

from __future__ import annotations

import random
import re

from mcptui.gateway.names import LIMIT, exposed_names

VALID = re.compile("[A-Za-z0-9_-]{1,64}")


def test_plain_names_are_joined() -> None:
    assert exposed_names([("time", "now")]) == {("time", "now"): "time__now"}


def test_odd_and_long_names_fit_every_client() -> None:
    pairs = [("a.b/c", "x.y z"), ("s", "t" * 300), ("\u00e9", "\U0001f600"), ("s" * 90, "t")]
    names = exposed_names(pairs)
    assert all(VALID.fullmatch(name) and len(name) <= LIMIT for name in names.values())
    assert names["a.b/c", "x.y z"] == "a_b_c__x_y_z"


def test_names_that_look_alike_stay_apart_and_the_exact_one_wins() -> None:
    names = exposed_names([("s", "a.b"), ("s", "a_b"), ("s", "a/b")])
    assert names["s", "a_b"] == "s__a_b"
    assert len(set(names.values())) == 3
    crossed = exposed_names([("a", "b__c"), ("a__b", "c")])
    assert len(set(crossed.values())) == 2


def test_a_name_depends_on_no_other_unless_they_would_be_the_same() -> None:
    random.seed(7)
    pairs = [(f"s{i % 7}", "".join(random.choices("abc._-", k=80))) for i in range(300)]  # noqa: S311
    together = exposed_names(pairs)
    assert all(exposed_names([pair])[pair] == together[pair] for pair in pairs)
    assert exposed_names(reversed(pairs)) == together
