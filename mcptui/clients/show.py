"""The unified diff of one edit, exact and in linear time, however large the file is."""

from __future__ import annotations

_CONTEXT = 3
_NO_END = "\\ No newline at end of file"


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        lines[-1] += "\n" + _NO_END
    return lines


def unified(before: str, after: str, name: str) -> list[str]:
    """The lines of `diff -u`, one hunk, without line ends; nothing when both are the same.

    An edit touches one stretch of a file, so what is alike at both ends frames it: no search for
    the longest common part is needed, which takes minutes on a large file.

    Args:
        before: the text as it is, "" for a file that does not exist.
        after: the text as it would be.
        name: the file's name for both header lines.
    """
    if before == after:
        return []
    old, new = _lines(before) if before else [], _lines(after) if after else []
    least = min(len(old), len(new))
    head = 0
    while head < least and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < least - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    first = max(0, head - _CONTEXT)
    last = min(tail, _CONTEXT)
    old_end, new_end = len(old) - tail, len(new) - tail
    out = [f"--- {name}", f"+++ {name}"]
    out.append(
        f"@@ -{_span(first, old_end + last - first)} +{_span(first, new_end + last - first)} @@"
    )
    out += [" " + line for line in old[first:head]]
    out += ["-" + line for line in old[head:old_end]]
    out += ["+" + line for line in new[head:new_end]]
    out += [" " + line for line in old[old_end : old_end + last]]
    return [part.removesuffix("\r") for line in out for part in line.split("\n")]


def _span(start: int, length: int) -> str:
    return f"{start if length == 0 else start + 1},{length}"
