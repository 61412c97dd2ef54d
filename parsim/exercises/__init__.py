"""Exercises of a course: each with numbers of the student's own, and checked by simulation.

first_run         T_total, makespan, and the idle time between them
shorter_is_later  a task whose shortening makes the run end later
beat_fifo         a policy that beats fifo here
heft_loses        a graph on which HEFT loses to a simpler policy
crossing          the size from which on a split by layers is faster
own_schedule      orders of a pipeline with room for few activations
microbatches      how many make the bubble small, and still fit
false_sentence    which of five sentences on pipelines is false
hidden_gradients  links so fast that nearly nobody waits for gradients
ring_or_tree      the size for which both take the same time
deciding_link     the link that decides how long a run takes
plan_13b          a plan for 13 billion weights on 64 devices

A new exercise is a file with an `EXERCISE`, and a line here. No answers are stored.
"""

from __future__ import annotations

from typing import Any

from parsim.exercises import (
    beat_fifo,
    crossing,
    deciding_link,
    false_sentence,
    first_run,
    heft_loses,
    hidden_gradients,
    microbatches,
    own_schedule,
    plan_13b,
    ring_or_tree,
    shorter_is_later,
)
from parsim.exercises.exercise import Exercise

_IN_ORDER: tuple[Exercise[Any], ...] = (  # of the course
    first_run.EXERCISE,
    shorter_is_later.EXERCISE,
    beat_fifo.EXERCISE,
    heft_loses.EXERCISE,
    crossing.EXERCISE,
    own_schedule.EXERCISE,
    microbatches.EXERCISE,
    false_sentence.EXERCISE,
    hidden_gradients.EXERCISE,
    ring_or_tree.EXERCISE,
    deciding_link.EXERCISE,
    plan_13b.EXERCISE,
)
EXERCISES = {exercise.name: exercise for exercise in _IN_ORDER}

__all__ = ["EXERCISES", "Exercise"]
