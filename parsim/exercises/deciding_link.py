"""Deciding link: which of six links decides how long a run takes?

source --> trunk 1 --> leaf 1, leaf 2         the one that needs longest for all that passes it: bytes / bandwidth;
      `--> trunk 2 --> leaf 3, leaf 4         neither the slowest, nor the one with most bytes
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from parsim.core.errors import shown
from parsim.core.quantities import seconds, size
from parsim.core.units import SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, empty, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint, unanswered
from parsim.study.single import simulate

LEAVES, TRUNKS = 4, 2
MARGIN = 1.15  # by how much the deciding link is busier than the next


class Numbers(NamedTuple):
    """Names of the trunks, then of the leaves; tenths of GB/s of each; GB to each leaf."""

    names: list[str]
    rates: list[int]
    sizes: list[int]

    @property
    def carried(self) -> list[int]:
        """GB that pass each link."""
        half = LEAVES // TRUNKS
        return [sum(self.sizes[:half]), sum(self.sizes[half:]), *self.sizes]

    @property
    def busy(self) -> list[float]:
        """Seconds that each link needs for what passes it."""
        return [10 * carried / rate for carried, rate in zip(self.carried, self.rates, strict=True)]


def draw(lot: Lot) -> Numbers:
    """Draw until one link is clearly the busiest, and another one the slowest, and a third has most bytes."""
    while True:
        numbers = Numbers(
            lot.shuffled(["L1", "L2", "L3", "L4", "L5", "L6"]),
            [lot.whole(20, 99) for _ in range(TRUNKS)] + [lot.whole(5, 60) for _ in range(LEAVES)],
            [lot.whole(1, 30) for _ in range(LEAVES)],
        )
        *_, second, most = sorted(numbers.busy)
        first = numbers.busy.index(most)
        ordered = sorted(numbers.rates)
        distinct = all(one < other for one, other in pairwise(ordered))
        trap = numbers.rates[first] > ordered[0] and numbers.carried[first] < max(numbers.carried)
        if most >= MARGIN * second and distinct and trap:
            return numbers


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the run."""
    trunks, leaves = numbers.names[:TRUNKS], numbers.names[TRUNKS:]
    links = [
        {"name": name, "bandwidth": f"{rate / 10:g} GB/s"}
        for name, rate in sorted(zip(numbers.names, numbers.rates, strict=True))
    ]
    routes = [
        {"from": "source", "to": f"w{leaf}", "over": [trunks[leaf * TRUNKS // LEAVES], name]}
        for leaf, name in enumerate(leaves)
    ]
    flows = [
        {"name": f"to_w{leaf}", "from": "source", "to": f"w{leaf}", "size": f"{gigabytes} GB"}
        for leaf, gigabytes in enumerate(numbers.sizes)
    ]
    return {
        "cluster": {
            "devices": ["source", *(f"w{leaf}" for leaf in range(LEAVES))],
            "topology": {"kind": "custom", "links": links, "routes": routes},
        },
        "workload": {"kind": "transfers", "flows": flows},
    }


def ask(numbers: Numbers) -> str:
    """Write the question."""
    built = scenario(numbers)
    links = [f"  {link['name']}  {link['bandwidth']}" for link in built["cluster"]["topology"]["links"]]
    flows = [
        f"  {flow['size']:>5} to {flow['to']} over {' and '.join(route['over'])}"
        for flow, route in zip(built["workload"]["flows"], built["cluster"]["topology"]["routes"], strict=True)
    ]
    return paragraphs(
        "A source sends to four devices at once, over links that these flows share:",
        "\n".join(links),
        "\n".join(flows),
        "One link decides how long all of it takes. Which one? And how long does the run take when this link has twice "
        "its bandwidth?",
    )


def with_twice(numbers: Numbers, name: str) -> float:
    """Return the makespan with twice the bandwidth of a link."""
    rates = [rate * (2 if link == name else 1) for link, rate in zip(numbers.names, numbers.rates, strict=True)]
    return simulate(scenario(numbers._replace(rates=rates))).timeline.makespan_s


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the link and the makespan with twice its bandwidth."""
    name = answer["link"]
    if unanswered(name):
        return empty("link")
    if name not in numbers.names:
        return hint(f"link: {shown(name)} is no link; write one of {', '.join(sorted(numbers.names))}.")
    before = simulate(scenario(numbers)).timeline.makespan_s
    after = {link: with_twice(numbers, link) for link in numbers.names}
    if after[name] > min(after.values()):
        return hint(f"link: {_spared(numbers, name)} With twice its bandwidth the run takes {seconds(after[name])}, "
                    f"and {seconds(before)} as it is. Which link needs longest for all that passes it?")  # fmt: skip
    advice = "Which link is the busiest then? Perhaps another one."
    mistakes = ((before, "is the makespan as it is."), (before / 2, "is half of the makespan. What do other links do?"))
    wrong = first_wrong(answer, [Wanted("makespan", SECONDS, after[name], mistakes, advice)])
    return wrong or Marked(True, f"Right: twice {name} takes {seconds(after[name])} in place of {seconds(before)}.")


def _spared(numbers: Numbers, name: str) -> str:
    """Say what made a link look as if it decided."""
    place = numbers.names.index(name)
    carried = f"{size(numbers.carried[place] * 1e9)} pass it in {seconds(numbers.busy[place])}."
    if numbers.rates[place] == min(numbers.rates):
        return f"{name} is the slowest, but only {carried}"
    if numbers.carried[place] == max(numbers.carried):
        return f"{name} carries most, but it is fast: {carried}"
    return f"{name} is not the busiest: {carried}"


EXERCISE = Exercise(
    name="deciding_link",
    title="which link decides how long it takes?",
    lesson="08",
    draw=draw,
    ask=ask,
    form=Blanks({"link": "its name", "makespan": "with twice the bandwidth of that link, such as 2.5 s"}),
    mark=mark,
    scenario=scenario,
)
