"""How calls look: rows, results in sign and word, and the pages of the inspector."""

from __future__ import annotations

import json
from dataclasses import asdict
from time import localtime, strftime
from typing import TYPE_CHECKING

from mcptui.tui.widgets.draw import Column, Line, Span, facts, wrap
from mcptui.visible import hidden

if TYPE_CHECKING:
    from mcptui.store.rows import CallBody, CallRow

RESULTS: dict[str, Span] = {
    "ok": ("✓ ok", "good"),
    "error": ("✗ error", "bad"),
    "blocked": ("✗ blocked", "warn"),
    "refused": ("✗ refused", "warn"),
    "timed out": ("✗ timed out", "bad"),
    "sign in": ("▲ sign in", "warn"),
    "cancelled": ("– cancelled", "dim"),
    "open": ("● running", "accent"),
    "lost": ("✗ lost", "bad"),
    "gap": ("⋮", "dim"),
}
_NO_ANSWER = {
    "open": "The answer has not come yet.",
    "lost": "The gateway died before the answer came.",
    "blocked": "The call was blocked before it reached the server.",
    "refused": "The call was refused before it reached the server.",
    "cancelled": "The client cancelled the call.",
    "timed out": "No answer came in time.",
    "sign in": "The server does not let us in: sign in, then call again.",
}
MOST_RAW = 200_000


def result(row: CallRow) -> Span:
    """Sign and word; a finding comes before success."""
    if row.findings and row.outcome == "ok":
        return ("▲ flagged", "warn")
    return RESULTS.get(row.outcome, (row.outcome, ""))


def count(value: int) -> str:
    """Bytes in five characters."""
    if value < 1_000:
        return str(value)
    return f"{value / 1_000:.1f}k" if value < 1_000_000 else f"{value / 1_000_000:.1f}M"


def _ms(row: CallRow) -> Span:
    if row.outcome in ("open", "gap"):
        return ("…", "dim")
    return (f"{row.ms:,.0f}" if row.ms >= 10 or row.ms == 0 else f"{row.ms:.1f}", "")


def _what(row: CallRow) -> Span:
    if row.reason:
        return (row.reason, "warn" if row.outcome in ("blocked", "refused", "sign in") else "bad")
    return (row.what, "dim" if not row.findings else "warn")


def _out(row: CallRow) -> Span:
    return (count(row.bytes_out), "") if row.bytes_out else ("–", "dim")


COLUMNS = [
    Column("time", 8, lambda row: (strftime("%H:%M:%S", localtime(row.at)), "dim")),
    Column("client", 8, lambda row: (row.client_name or "–", ""), grow=1, drop=3, most=14),
    Column("tool", 22, lambda row: (f"{row.server}.{row.tool or row.method}", ""), grow=3, most=40),
    Column("result", 11, result),
    Column("ms", 6, _ms, drop=2, right=True),
    Column("in", 5, lambda row: (count(row.bytes_in), "dim"), drop=5, right=True),
    Column("out", 5, _out, drop=4, right=True),
    Column("what", 14, _what, grow=4, drop=1),
]


def no_answer(row: CallRow) -> str:
    """Why there is no answer to look at."""
    text = _NO_ANSWER.get(row.outcome, "The answer was empty.")
    return f"{text} {row.reason}".strip() if row.reason and row.outcome != "lost" else text


def row_text(row: CallRow) -> str:
    """A call in one line."""
    stamp = strftime("%Y-%m-%d %H:%M:%S", localtime(row.at))
    words = row.reason or row.what
    return (
        f"{stamp} {row.client_name} {row.server}.{row.tool} {row.outcome} {row.ms:.0f} ms {words}"
    )


def row_json(row: CallRow) -> str:
    """A call as JSON."""
    return json.dumps(asdict(row), indent=2)


def findings(row: CallRow, body: CallBody, width: int) -> list[Line]:
    """What was found in a call, and how it ended."""
    sign = result(row)
    pairs = [("result", *sign)]
    if row.reason:
        pairs.append(("why", row.reason, "warn"))
    signs = hidden(body.answer) + hidden(body.request)
    many = f"▲ {signs}, shown as signs here" if signs else "✓ none"
    pairs += [
        ("findings", *(("▲ " + str(row.findings), "warn") if row.findings else ("✓ none", "good"))),
        ("hidden", many, "warn" if signs else "good"),
        ("bytes", f"{row.bytes_in:,} in · {row.bytes_out:,} out", ""),
        ("client", f"{row.client_name} {row.client_version} (pid {row.client_pid})", ""),
        ("method", row.method, ""),
        ("number", str(row.id), ""),
    ]  # fmt: skip
    page = facts(pairs, width)
    if row.what:
        page += [[], *wrap(row.what, width, "dim")]
    return page


def raw(row: CallRow, body: CallBody, width: int) -> list[Line]:
    """Request and answer as they were stored: redacted and bounded."""
    page: list[Line] = [[("Request", "head")], *wrap(body.request[:MOST_RAW] or "–", width)]
    return [*page, [], [("Answer", "head")], *wrap(body.answer[:MOST_RAW] or "–", width)]
