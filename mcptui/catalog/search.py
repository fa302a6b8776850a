"""The query language of every list: catalog, calls and the command line.

Words are joined by AND; `"…"` is a phrase; `-` before a term turns it round; `field:value` and
`field<10` (also `<= > >= =`) look into one field, with alternatives after a comma. Which fields
there are, and how each compares, is the caller's to say. Nothing a person types is an error: an
unknown field is a word, and an unfinished term is ignored, so lists may filter on every key.
Pure and without imports beyond the standard library.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast


class Compare(StrEnum):
    """How the values of a field are compared with what was typed."""

    TEXT = "text"
    """The value holds the typed text somewhere."""
    WORD = "word"
    """The value, or one of a collection of values, begins with the typed text."""
    NUMBER = "number"
    """The value is a number, or a collection counted."""
    AGE = "age"
    """The value is an age in seconds; `since:10m` keeps what is younger."""


Fields = Mapping[str, Compare]
Get = Callable[[str], object]

_TERM = re.compile(
    r"""
    (?P<minus>-)?
    (?:(?P<field>[A-Za-z_]+)(?P<sign><=|>=|[:<>=]))?
    (?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>\S*))
    """,
    re.VERBOSE,
)
_AGE = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)?")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
    "=": operator.eq, ":": operator.eq,
}  # fmt: skip
_MOST_TERMS = 32
_SEPARATOR = re.compile(r"[^\w\n]+|_+")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a query.

    Args:
        text: what must be found, casefolded.
        field: where, "" for anywhere.
        compare: how the field compares.
        sign: ":" or a comparison.
        number: the bound of a comparison, or an age in seconds.
        minus: the condition must not hold.
    """

    text: str
    field: str = ""
    compare: Compare = Compare.TEXT
    sign: str = ":"
    number: float = 0.0
    minus: bool = False

    def holds(self, get: Get, text: str) -> bool:
        """Whether the condition holds for a row, `minus` not looked at."""
        return self.fits(get(self.field)) if self.field else self.text in text

    def fits(self, value: object) -> bool:
        """Whether a value of the term's field fits, `minus` not looked at."""
        if self.compare is Compare.NUMBER:
            return _SIGNS[self.sign](_number(value), self.number)
        if self.compare is Compare.AGE:
            return _number(value) <= self.number
        values = [value] if isinstance(value, str) else list(_many(value))
        found = [str(one).casefold() for one in values]
        wanted = self.text.split(",")
        if self.compare is Compare.WORD:
            return any(one.startswith(want) for one in found for want in wanted if want)
        return any(want in one for one in found for want in wanted if want)


def _many(value: object) -> Iterable[object]:
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return cast("Iterable[object]", value)
    return (value,)


def _number(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | tuple | set | frozenset):
        return float(len(cast("list[object]", value)))
    return float("nan")


@dataclass(frozen=True, slots=True)
class Query:
    """What a person typed, understood. An empty query matches everything."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def words(self) -> tuple[str, ...]:
        """The words and phrases that must be found anywhere, for ranking and highlighting."""
        return tuple(term.text for term in self.terms if not term.field and not term.minus)

    def matches(self, get: Get, text: str, deep: Callable[[str], bool] | None = None) -> bool:
        """Whether a row matches.

        Args:
            get: gives the value of a field: text, number, or a collection of texts.
            text: the row's searchable text, casefolded.
            deep: says whether a word is found somewhere `text` does not hold.
        """
        for term in self.terms:
            held = term.holds(get, text)
            if not held and deep is not None and not term.field:
                held = deep(term.text)
            if held == term.minus:
                return False
        return True

    def narrows(self, earlier: Query) -> bool:
        """Whether every row this query matches was matched by `earlier`.

        Says no when in doubt; a caller then looks at all rows again.
        """
        return all(any(_implies(new, old) for new in self.terms) for old in earlier.terms)


def _implies(new: Term, old: Term) -> bool:
    if new == old:
        return True
    plain = not (new.minus or old.minus or new.field or old.field)
    return plain and new.text.startswith(old.text)


def parse(text: str, fields: Fields) -> Query:
    """Understand what a person typed; never fails.

    Args:
        text: the query.
        fields: field name → how it compares. Any other `name:value` is a word.
    """
    terms: list[Term] = []
    for found in _TERM.finditer(text):
        if found.group() and len(terms) < _MOST_TERMS:
            term = _term(found, fields)
            if term is not None:
                terms.append(term)
    return Query(tuple(dict.fromkeys(terms)))


def _term(found: re.Match[str], fields: Fields) -> Term | None:
    minus = found["minus"] is not None
    value = found["phrase"] if found["phrase"] is not None else found["word"]
    value = value.casefold()
    name, sign = (found["field"] or "").casefold(), found["sign"] or ""
    if name not in fields:
        text = f"{found['field']}{sign}{value}".casefold() if name else value
        return Term(text, minus=minus) if text.strip() else None
    compare = fields[name]
    if not value.strip(","):
        return None
    if compare in (Compare.NUMBER, Compare.AGE):
        number = _age(value) if compare is Compare.AGE else _amount(value)
        return None if number is None else Term("", name, compare, sign, number, minus)
    return Term(value, name, compare, ":", 0.0, minus)


def _amount(text: str) -> float | None:
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() else None
    except ValueError:
        return None


def _age(text: str) -> float | None:
    found = _AGE.fullmatch(text)
    return None if found is None else float(found[1]) * _UNITS[found[2] or "s"]


def sift(
    query: Query,
    places: Iterable[int],
    texts: Sequence[str],
    column: Callable[[str], Sequence[object]],
    deep: Callable[[str], Set[int]],
) -> list[int]:
    """Find what matches among many rows, as `Query.matches` would, one term after the other.

    Args:
        query: what is looked for.
        places: the rows to look at.
        texts: each row's searchable text, casefolded.
        column: gives all values of a field; they must be hashable.
        deep: gives the rows in which a word is found elsewhere than in `texts`.
    """
    found = list(places)
    for term in query.terms:
        if term.field:
            values = column(term.field)
            fits = {value: term.fits(value) for value in {values[place] for place in found}}
            found = [place for place in found if fits[values[place]] != term.minus]
        elif term.minus:
            found = [place for place in found if term.text not in texts[place]]
        else:
            word = term.text
            if below := deep(word):
                found = [place for place in found if word in texts[place] or place in below]
            else:
                found = [place for place in found if word in texts[place]]
    return found


def heading(name: str, title: str) -> str:
    """Make of a name and a title what a `ranker` looks into: words apart by one space."""
    words = _SEPARATOR.sub(" ", f"{title.casefold()}\n {name.casefold()}").strip()
    return f"\n {words}\n"


def ranker(words: Iterable[str]) -> Callable[[str, str], int]:
    """Give a function that says how well a row that matches answers plain words.

    It takes a row's head, as `heading` makes it, and its casefolded description, and adds up for
    each word: 0 it is the name or title, 1 one of them begins with it, 2 a word of them does, 3
    they hold it, 4 the description holds it, 5 something else does. The smaller the better.
    """
    needles = [(_SEPARATOR.sub(" ", word), word) for word in words]
    known = [(f"\n {plain}\n", f"\n {plain}", f" {plain}", plain, w) for plain, w in needles]

    def rank(head: str, description: str) -> int:
        total = 0
        for whole, begins, inside, plain, word in known:
            if plain not in head:
                total += 4 if word in description else 5
            elif whole not in head:
                total += 1 if begins in head else 2 if inside in head else 3
        return total

    return rank
