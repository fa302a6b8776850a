"""What servers write into `WWW-Authenticate`, well formed and not."""

from __future__ import annotations

import time

import pytest

from mcptui.access.challenge import Challenge, bearer_challenge

CASES: list[tuple[list[str], Challenge | None]] = [
    ([], None),
    (["Basic realm=x"], None),
    (["Bearer"], Challenge()),
    (['Bearer realm="a", error="invalid_token"'], Challenge("invalid_token")),
    (['bearer RESOURCE_METADATA="https://x.test/p"'], Challenge("", "", "https://x.test/p")),
    (['Basic realm="Bearer scope=no", Bearer scope="a  b"'], Challenge("", "a b")),
    (['Bearer scope="one", Bearer scope="two"'], Challenge("", "one")),
    (["Basic x", "Bearer error=insufficient_scope, scope=a"], Challenge("insufficient_scope", "a")),
    ([r'Bearer scope="a\"b"'], Challenge("", 'a"b')),
    (['Bearer scope="a", scope="b"'], Challenge("", "a")),
    (['Bearer scope="never closed'], Challenge()),
    (['DPoP algs="ES256", Bearer error="x"'], Challenge("x")),
]


@pytest.mark.parametrize(("headers", "expected"), CASES)
def test_challenges(headers: list[str], expected: Challenge | None) -> None:
    assert bearer_challenge(headers) == expected


def test_a_hostile_header_costs_little() -> None:
    began = time.process_time()
    for header in (
        "Bearer " + 'a="' * 50_000,
        "Bearer " + "\\" * 100_000,
        "," * 100_000,
        "= " * 9999,
    ):
        bearer_challenge([header])
    assert time.process_time() - began < 1.0
