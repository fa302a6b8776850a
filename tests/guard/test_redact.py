"""What is kept of a body: no secret of a known shape, no value behind a telling name, in bounds."""

from __future__ import annotations

import time

import pytest

from mcptui.guard.redact import LIMIT, redact

A = "a1B2c3D4e5F6g7H8i9J0"
SECRETS = {
    "AWS key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "GitHub token": "ghp_" + A + A[:16],
    "GitLab token": "glpat-" + A,
    "Slack token": "xoxb-123456789012-" + A,
    "Stripe key": "sk_live_" + A,
    "API key": "sk-proj-" + A + A,
    "Google key": "AIza" + A + A[:15],
    "npm token": "npm_" + A + A[:16],
    "PyPI token": "pypi-" + A * 3,
    "Hugging Face token": "hf_" + A + A[:14],
    "SendGrid key": f"SG.{A}.{A}",
    "JWT": f"eyJ{A}.{A}.{A}",
    "Telegram token": "123456789:AA" + A + A[:13],
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("form", ["{}", "before {} after", '"{}"', "x={}&y", '\\"{}\\"', "\n{}\n"])
def test_a_secret_of_a_known_shape_is_not_kept(kind: str, form: str) -> None:
    secret = SECRETS[kind]
    text = redact(form.format(secret).encode())
    assert secret not in text
    assert f"[redacted {kind}]" in text


def test_an_escaped_secret_is_the_same_secret() -> None:
    secret = SECRETS["GitHub token"]
    escaped = "".join(f"\\u{ord(character):04x}" for character in secret)
    assert redact(f'{{"text":"{escaped}"}}'.encode()) == '{"text":"[redacted GitHub token]"}'


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"password":"hunter2"}', '{"password":"[redacted]"}'),
        ('{"apiKey" : "abcdef"}', '{"apiKey" : "[redacted]"}'),
        ('"{\\"client_secret\\": \\"abc def\\"}"', '"{\\"client_secret\\": \\"[redacted]\\"}"'),
        ("Authorization: Bearer abcdefghijkl", "Authorization: [redacted] [redacted]"),
        ("DB_PASSWORD=letmein123 PORT=5", "DB_PASSWORD=[redacted] PORT=5"),
        ("postgres://me:secretpw@host/db", "postgres://me:[redacted]@host/db"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA", "[redacted private key] RSA"),
    ],
)  # fmt: skip
def test_values_behind_telling_names_are_not_kept(body: str, kept: str) -> None:
    assert redact(body.encode()) == kept


@pytest.mark.parametrize(
    "body",
    [
        '{"max_tokens":4096,"token":null,"secret":false}',
        '{"nextPageToken":"abcdefgh","cursorToken":"abcdefgh"}',
        '{"text":"the token economy and its secrets"}',
        '{"name":"sk-short","path":"/tmp/key.txt","sha":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}',
        '{"url":"https://example.com:8080/a@b","emoji":"\U0001f468\u200d\U0001f469"}',
    ],
)
def test_ordinary_text_is_kept_as_it_is(body: str) -> None:
    assert redact(body.encode()) == body


def test_a_body_is_cut_and_odd_bytes_do_no_harm() -> None:
    assert len(redact(b"x" * (LIMIT * 3))) == LIMIT
    assert redact(b"ok\xff\xfe\xed\xa0\xbd").startswith("ok\ufffd")
    assert redact("\u20ac".encode() * 10, 4) == "\u20ac\ufffd"


@pytest.mark.parametrize(
    "piece",
    [
        "sk-", "eyJ", "eyJaaaaaaaaaaa.", "token", 'token="', 'token:"\\', "://a", "://", "a:b@",
        "-----BEGIN PRIVATE KEY-----", 'password "', "token\\", "bearer ", "password='", "\\u0061",
        "api_key:", "AKIA", "ghp_aaaaaaaaaa", "secret secret=", '"secret": "\\',
    ],
)  # fmt: skip
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    def cost(size: int) -> float:
        body = (piece * (size // len(piece) + 1)).encode()[:size]
        times: list[float] = []
        for _ in range(5):
            began = time.thread_time()
            redact(body, size)
            times.append(time.thread_time() - began)
        return min(times)

    # Eight times the text may cost about eight times as much; a square would be sixty-four.
    assert cost(LIMIT) < 30 * max(cost(LIMIT // 8), 0.0005)
