"""The shelf of schedules: in which order does a stage run F, B, W?

A schedule may claim, with functions of ranks, microbatches, chunks and its own parameters:

bubble    the idle share of the whole with F = I = W = 1 and free sends, exactly; None: no form is known for this shape
idle      in place of `bubble`, where a closed form is published: idle seconds of each rank with equal stages, also from
          the seconds forward, input_grad, weight_grad and send; None: the form does not hold there
live      the most activations (of one stage and one microbatch) that each rank holds at once
"""

from parsim.entries.registry import Shelf

schedules = Shelf(__name__, "in which order does a stage run F, B, W?", claims=("bubble", "idle", "live"))
