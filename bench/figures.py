"""One measured figure beside its aim, and the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what", "product", "bare Temporal", "ratio", "aim", "reached")


@dataclass(frozen=True)
class Figure:
    """One row. `note` says what was done, and why the aim was missed if it was."""

    what: str
    product: str
    bare: str
    ratio: str
    aim: str
    reached: bool
    note: str

    @property
    def cells(self) -> tuple[str, ...]:
        reached = "yes" if self.reached else "no"
        return (self.what, self.product, self.bare, self.ratio, self.aim, reached)


def missing(name: str, why: str) -> Figure:
    """A measurement that did not come to its end: the row stays, with the reason."""
    line = " ".join(why.split()) or "it took too long"
    return Figure(name, "not measured", "", "", "", reached=False, note=f"{name} was not measured: {line}")


def as_text(figures: Sequence[Figure]) -> str:
    """For the terminal: columns as wide as they must be, and the notes below."""
    rows = [HEAD, *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*(line.rstrip() for line in lines), "", *_notes(figures)])


def as_markdown(figures: Sequence[Figure]) -> str:
    """For `ci-output/bench.md`."""
    rows = [HEAD, tuple("---" for _ in HEAD), *(figure.cells for figure in figures)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", *_notes(figures)])


def _notes(figures: Sequence[Figure]) -> list[str]:
    notes = dict.fromkeys(figure.note for figure in figures if figure.note)
    return [f"- {note}" for note in notes]
