"""A comparison of variants under the same luck, in numbers, in words, and as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from textwrap import indent
from typing import TYPE_CHECKING, Any

from parsim.core.timeline import CAUSES
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import Files, drawn, json_text, write
from parsim.export.summary import Summary
from parsim.export.table import wrapped
from parsim.study.bottleneck import Blame
from parsim.study.measure import Measure, measure
from parsim.study.played import Pair, Played, ended, fastest, fitting, pair, winners
from parsim.study.table import legend, table, variants
from parsim.study.verdict import decided

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ONE_SEED = "{} random, and only one seed was played; --seeds 20 shows whether the difference is luck."
DRAWN = 24  # charts
INTERRUPTED = "Interrupted: not every seed was played."
SHOWN = f"The picture shows {DRAWN} of them: the first and the fastest."
WORDS = 100  # cells of a line


@dataclass(frozen=True)
class Comparison:
    """Variants side by side; `seeds` are the seeds that were played.

    A failed variant is kept with its reason and listed in `failed`; the others are compared.
    """

    seeds: tuple[int, ...]
    variants: tuple[Played, ...]
    interrupted: bool
    blames: tuple[Blame, ...]  # one at most: the link or device that makes the next slower than the fastest

    def __repr__(self) -> str:
        """Return in one line what decided it."""
        return f"Comparison({len(self.variants)} variants: {self.decided})"

    @cached_property
    def measure(self) -> Measure:
        """How the variants that ended are compared: whether their work is the same, and else by which amount."""
        return measure(ended(self.variants))

    @cached_property
    def decided(self) -> str:
        """The fastest variant, its lead, and the term of the ledger that decided; or how the work differs."""
        found, known = self.measure, ended(self.variants)
        if not found.differ:
            steady = "Per iteration: " if known and all(one.trains for one in known) else ""
            return " ".join([steady + decided(self.variants), *(blame.sentence for blame in self.blames)])
        unit = f"Per {found.unit}: " if found.amount else ""
        return f"{found.sentence(known)} {unit}{decided(found.per_unit(known))}"

    @property
    def failed(self) -> str:
        """The runs that are missing, which make the exit code 1; empty if none is."""
        failures = [
            f"{one.label}: {reason.splitlines()[0]}" for one in self.variants for reason in one.failures.values()
        ]
        more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
        return f"{failures[0]}{more}" if failures else "interrupted; not every seed was played" * self.interrupted

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values, as in the contract."""
        known = ended(self.variants)
        return {
            **VERSIONS,
            "seeds": list(self.seeds),
            "interrupted": self.interrupted,
            "first": known[0].label if known else None,
            "best": [one.label for one in fastest(self.measure.per_unit(fitting(known) or known))],
            "same_work": not self.measure.differ,
            "work_differs_in": list(self.measure.differ),
            "unit": {"amount": self.measure.amount, "size": self.measure.size} if self.measure.amount else None,
            "decided": self.decided,
            "cause": next((blame._asdict() for blame in self.blames), None),
            "variants": [_plain(one, known, self.measure, self.seeds) for one in self.variants],
        }

    def report(self) -> str:
        """Write it for people."""
        first, last = self.seeds[0], self.seeds[-1]
        seeds = f"seed {first}" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds, {first} to {last}"
        title = f"{len(self.variants)} variants, {seeds}"
        failures = [indent(line, "  ") for one in self.variants for line in _failures(one)]
        parts = [
            f"{title}\n{'=' * len(title)}",
            "\n".join(wrapped(self.decided, WORDS)),
            "\n".join(table(self.variants)),
            "\n".join(["Failed", *failures] if failures else []),
            *self._warned(),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _about_luck(self) -> str:
        """Return a warning that one seed proves little, where times are random."""
        graphs, times = any(map(_draws_graph, self.variants)), any(map(_draws, self.variants))
        drawn = "Graphs and times are" if graphs and times else "Graphs are" if graphs else "Times are"
        return ONE_SEED.format(drawn) * (len(self.seeds) == 1 and (graphs or times))

    def plot(self) -> Figure:
        """Draw the Gantt charts of the first seed on one axis of time, at most those of the fastest 24 variants."""
        from parsim.plot.stacked import Chart, stacked

        first = self.seeds[0]
        best = [one.label for one in winners(self.measure.per_unit(ended(self.variants)))]
        word = f"\N{BLACK STAR} fastest per {self.measure.unit}" if self.measure.amount else "\N{BLACK STAR} fastest"
        word += f", mean of {len(self.seeds)} seeds" if len(self.seeds) > 1 else ""
        charts = []
        for one in self._drawn():
            if one.result is not None:
                seed = one.result.job.seed
                label = one.label if seed == first else f"{one.label}, seed {seed}"
                mark = word if one.label in best else "does not fit into memory" * bool(one.lacks)
                charts.append(Chart(label, one.result.timeline, one.result.theory.t_total_s, mark))
        return stacked(self._title(), charts)

    def _title(self) -> str:
        """Return the title of the picture: the scenarios, and the seed drawn."""
        names = list(dict.fromkeys(one.case.scenario.name for one in self.variants))
        shown = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        unlike = ", not the same work" if self.measure.differ else ""
        return f"{shown}{unlike}, seed {self.seeds[0]}{f' of {len(self.seeds)} seeds' * (len(self.seeds) > 1)}"

    def _drawn(self) -> list[Played]:
        """Return the variants to draw: all, or the first and the fastest where there are many."""
        runs = [one for one in self.variants if one.run is not None]
        took = [one.compared.mean for one in measure(runs).per_unit(runs)]
        fastest_first = sorted(range(1, len(runs)), key=lambda place: took[place])
        return [runs[place] for place in sorted([0, *fastest_first[: DRAWN - 1]])]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write comparison.json, and comparison.png and comparison.svg if any variant ended."""
        write(os.fspath(folder), {**self.pictures(), "comparison.json": lambda: json_text(self.to_dict())})

    def pictures(self) -> Files:
        """Return comparison.png and comparison.svg if any variant ended."""
        return drawn("comparison", self._pictures) if any(one.run for one in self.variants) else {}

    def _pictures(self) -> dict[str, bytes]:
        from parsim.plot.paper import files

        return files("comparison", self.plot())

    def summary(self) -> Summary:
        """Summarise the comparison: a row for each variant."""
        failures = [line for one in self.variants for line in _failures(one)]
        explained = [part for line in legend(self.variants) for part in line.split("   ")]
        notes = [*explained, *(f"Failed: {line}" for line in failures), *self._warned()]
        drawn = self._png if any(one.run for one in self.variants) else None
        meaning = "Gantt charts of the variants"
        return Summary(self._title(), [variants(self.variants)], [self.decided], notes, drawn, meaning)

    def _warned(self) -> list[str]:
        told = [INTERRUPTED * self.interrupted, self._about_luck(), SHOWN * (len(self.variants) > DRAWN)]
        return [line for line in told if line]

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot())

    def _repr_html_(self) -> str:
        """Show the comparison in a notebook."""
        return html.shown(self.summary())


def _failures(one: Played) -> list[str]:
    """Return a line for each seed that failed, or a single line if all failed for the same reason."""
    reasons = set(one.failures.values())
    if len(reasons) == 1 < len(one.failures) and not one.runs:
        return [f"{one.label}, with every seed: {reasons.pop()}"]
    return [f"{one.label}, seed {seed}: {reason}" for seed, reason in one.failures.items()]


def _draws(one: Played) -> bool:
    """Return whether the times of the variant are random."""
    return one.run is not None and one.run.draws


def _draws_graph(one: Played) -> bool:
    """Say whether another seed makes other tasks; where kernels compute, it draws data and weights, and no tasks."""
    return one.draws_graph and (one.run is None or not one.run.computes)


def _plain(one: Played, known: Sequence[Played], by: Measure, seeds: Sequence[int]) -> dict[str, Any]:
    """Return a variant as plain values; figures of a variant that did not end are null."""
    facts: dict[str, Any] = {
        "label": one.label,
        "scenario": one.case.scenario.name,
        "set": one.settings,
        "work": None,
        "makespan_s": None,
        "iteration_s": None,
        "per_unit_s": None,
        "interval_s": None,
        "makespans_s": [one.runs[seed].makespan_s if seed in one.runs else None for seed in seeds],
        "against_first": None,
        "ledger": None,
        "utilisation": None,
        "peak_memory_bytes": None,
        "lacks": None,
        "pipeline": None,
        "failures": [{"seed": seed, "reason": reason} for seed, reason in one.failures.items()],
        "run": one.run.facts if one.run else None,
    }
    if one in known:
        mine, first = by.per_unit([one, known[0]])
        facts |= {
            "work": one.work.amounts,
            "makespan_s": one.makespan.mean,
            "iteration_s": one.compared.mean if one.trains else None,
            "per_unit_s": mine.compared.mean if by.amount else None,
            "interval_s": one.makespan.interval,
            "against_first": {**_against(pair(one, known[0]), one, known[0]), "per_unit": _ratio(mine, first)},
            "ledger": _ledger(one.terms()),
            "utilisation": one.mean(lambda run: run.utilisation),
            "peak_memory_bytes": one.peak_memory_bytes,
            "lacks": one.lacks,
            "pipeline": _pipeline(one) if one.live_activations else None,
        }
    return facts


def _pipeline(one: Played) -> dict[str, Any]:
    of_ideal, of_whole = one.bubbles
    live = one.live_activations
    return {"bubble_of_ideal": of_ideal, "bubble_of_whole": of_whole, "live_activations": live, "mfu": one.mfu}


def _against(held: Pair, one: Played, first: Played) -> dict[str, Any]:
    return {
        "ratio": _ratio(one, first),
        "difference_s": held.difference.mean,
        "interval_s": held.difference.interval,
        **{"shorter": held.shorter, "equal": held.equal, "longer": held.longer},
    }


def _ratio(one: Played, first: Played) -> float | None:
    return one.compared.mean / first.compared.mean if first.compared.mean else None


def _ledger(terms: Mapping[str, float]) -> dict[str, Any]:
    """Return the mean terms as the contract's ledger object."""
    return {
        **{f"{term}_s": terms[term] for term in ("t_total", "deviation", "contention", "hidden")},
        "idle_s": fsum(terms[cause] for cause in CAUSES),
        "idle": {cause: terms[cause] for cause in CAUSES},
    }
