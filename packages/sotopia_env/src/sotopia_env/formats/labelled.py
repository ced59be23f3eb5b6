"""Texts whose parts are introduced by labels at the beginnings of lines."""

from collections.abc import Iterable


def labelled(text: str, labels: Iterable[str]) -> dict[str, str]:
    r"""What stands behind each label, up to the next one that is there; absent ones are left out.

    Labels are looked for in their order, each where it first begins a line.

    >>> labelled("goal: high\nand dry\nsecret: low", ["goal: ", "secret: "])
    {'goal: ': 'high\nand dry', 'secret: ': 'low'}
    """
    lined = f"\n{text}"
    found: list[tuple[str, int, int]] = []
    at = 0
    for label in labels:
        begin = lined.find(f"\n{label}", at)
        if begin >= 0:
            at = begin + len(label)  # its last character, which may be the end of a line
            found.append((label, begin, at + 1))
    ends = [begin for _, begin, _ in found[1:]] + [len(lined)]
    return {label: lined[start:end] for (label, _, start), end in zip(found, ends, strict=False)}
