"""False sentence: five sentences on pipelines, of which one is false, as many people have it.

makespan of gpipe and 1f1b  (m + p - 1)(F + I + W)        held by rank r   gpipe: m      1f1b: p - r
idle of each rank           (p - 1)(F + I + W)            zb-h1: (p - 1)(F + I - W)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from parsim.core.errors import shown
from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, empty, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import FOUND, Marked, close, hint, unanswered
from parsim.study.single import simulate

SENTENCES = 5


class Pipe(NamedTuple):
    """Stages, microbatches, and ms of a forward, of I, and of W."""

    stages: int
    microbatches: int
    forward: int
    input_grad: int
    weight_grad: int

    def scenario(self, schedule: str, microbatches: int) -> dict[str, Any]:
        """Return the pipeline under a schedule; an activation has 1 B."""
        return {
            "cluster": {"devices": self.stages},
            "workload": {
                "kind": "stages",
                "forward": f"{self.forward} ms",
                "input_grad": f"{self.input_grad} ms",
                "weight_grad": f"{self.weight_grad} ms",
                "activation": "1 B",
            },
            "plan": {"schedule": schedule, "microbatches": microbatches},
        }

    def step_s(self, schedule: str) -> float:
        """Return the seconds of a step."""
        return simulate(self.scenario(schedule, self.microbatches)).timeline.makespan_s

    def idle_s(self, schedule: str, microbatches: int) -> float:
        """Return the seconds for which the first rank idles."""
        return float(simulate(self.scenario(schedule, microbatches)).devices[0]["idle_s"])

    def held(self, schedule: str, rank: int) -> float:
        """Return how many microbatches a rank holds at its fullest."""
        run = simulate(self.scenario(schedule, self.microbatches))
        return float(run.devices[rank]["peak_memory_bytes"])


@dataclass(frozen=True)
class Claim:
    """A sentence with a figure: what a run finds, what people believe, and why they err."""

    words: str  # {} stands for the figure
    belief: str  # the same with what people believe
    found: Callable[[Pipe], float]
    believed: Callable[[Pipe], float]
    why: str
    timed: bool = True  # the figure is a time; else a number of microbatches

    def figure(self, value: float) -> str:
        """Write the figure."""
        return seconds(value) if self.timed else f"{value:g} microbatches"


CLAIMS = (
    Claim(
        "Under gpipe a step takes {}.",
        "Under gpipe a step takes {}.",
        lambda pipe: pipe.step_s("gpipe"),
        lambda pipe: pipe.microbatches * sum(pipe[2:]) / 1e3,
        "A rank computes for that long, and also waits.",
    ),
    Claim(
        "Under 1f1b a step takes {}, and its bubble is as large as that of gpipe.",
        "Under 1f1b a step takes {}, and its bubble is smaller than that of gpipe.",
        lambda pipe: pipe.step_s("1f1b"),
        lambda pipe: (pipe.microbatches * sum(pipe[2:]) + (pipe.stages - 1) * pipe.forward) / 1e3,
        "1F1B has a smaller memory than GPipe, not a smaller bubble.",
    ),
    Claim(
        "Under gpipe the last rank holds the activations of {}.",
        "Under gpipe the last rank holds the activations of {}.",
        lambda pipe: pipe.held("gpipe", pipe.stages - 1),
        lambda pipe: 1,
        "GPipe runs all forwards before the first backward, on each rank.",
        timed=False,
    ),
    Claim(
        "Under 1f1b the first rank holds the activations of {}.",
        "Under 1f1b the first rank holds the activations of {}.",
        lambda pipe: pipe.held("1f1b", 0),
        lambda pipe: pipe.microbatches,
        "The first backward comes back after p forwards, and from then on each forward waits for one.",
        timed=False,
    ),
    Claim(
        "Under 1f1b with twice the microbatches, each of the same size, the first rank idles for {}.",
        "Under 1f1b with twice the microbatches, each of the same size, the first rank idles for {}.",
        lambda pipe: pipe.idle_s("1f1b", 2 * pipe.microbatches),
        lambda pipe: (pipe.stages - 1) * sum(pipe[2:]) / 2e3,
        "The share of the bubble halves, since the step is longer; its seconds stay.",
    ),
    Claim(
        "Under zb-h1 the first rank idles for {}.",
        "Under zb-h1 the first rank idles for {}.",
        lambda pipe: pipe.idle_s("zb-h1", pipe.microbatches),
        lambda pipe: 0.0,
        "zb-h1 fills the bubble with gradients of weights, as far as memory like that of 1F1B allows.",
    ),
)


class Numbers(NamedTuple):
    """The pipeline, the places of five claims, and which of these is false."""

    pipe: Pipe
    claims: list[int]
    false: int


def draw(lot: Lot) -> Numbers:
    """Draw a pipeline on which every believed figure is wrong, and the sentences."""
    stages = lot.whole(3, 8)
    forward, weight_grad = lot.whole(3, 20), lot.whole(2, 12)
    pipe = Pipe(stages, lot.whole(2 * stages, 4 * stages), forward, weight_grad + lot.whole(1, 9), weight_grad)
    return Numbers(pipe, lot.shuffled(range(len(CLAIMS)))[:SENTENCES], lot.whole(1, SENTENCES))


def ask(numbers: Numbers) -> str:
    """Write the question."""
    pipe = numbers.pipe
    told = []
    for number, place in enumerate(numbers.claims, 1):
        claim = CLAIMS[place]
        words, figure = (claim.belief, claim.believed) if number == numbers.false else (claim.words, claim.found)
        told.append(f"  {number}. {words.format(claim.figure(figure(pipe)))}")
    return paragraphs(
        f"A pipeline has {pipe.stages} equal stages and {pipe.microbatches} microbatches. For each microbatch a stage "
        f"takes {pipe.forward} ms forward, {pipe.input_grad} ms for the gradient of its input, and "
        f"{pipe.weight_grad} ms for that of its weights. Sends are free. One of these sentences is false:",
        "\n".join(told),
        "Which one, and what should its figure be? And for how long does the first rank idle under 1f1b?",
    )


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the sentence and its right figure."""
    number = answer["sentence"]
    if unanswered(number):
        return empty("sentence")
    if number not in range(1, SENTENCES + 1):
        return hint(f"sentence: Write a number from 1 to {SENTENCES}.")
    claim = CLAIMS[numbers.claims[int(number) - 1]]
    found = claim.found(numbers.pipe)
    if number != numbers.false:
        return hint(f"sentence: {number} is true: a run finds {claim.figure(found)}.")
    idle = numbers.pipe.idle_s("1f1b", numbers.pipe.microbatches)
    wanted = [Wanted("idle", SECONDS, idle, (), "A rank of 1F1B waits for p - 1 forwards and p - 1 backwards.")]
    if claim.timed:
        mistakes = ((claim.believed(numbers.pipe), f"is what the sentence says. {claim.why}"),)
        wanted.insert(0, Wanted("figure", SECONDS, found, mistakes, claim.why))
    elif unanswered(answer["figure"]):
        return empty("figure")
    elif not (_is_number(answer["figure"]) and close(answer["figure"], found, FOUND)):
        return hint(f"figure: {shown(answer['figure'])} is not the number of microbatches. {claim.why}")
    wrong = first_wrong(answer, wanted)
    return wrong or Marked(True, f"Right: sentence {number} is false, it is {claim.figure(found)}. {claim.why}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


EXERCISE = Exercise(
    name="false_sentence",
    title="which of five sentences on pipelines is false?",
    lesson="05",
    draw=draw,
    ask=ask,
    form=Blanks(
        {
            "sentence": "its number",
            "figure": "what its figure should be: a time with its unit, or a number of microbatches",
            "idle": "of the first rank under 1f1b, such as 30 ms",
        }
    ),
    mark=mark,
)
