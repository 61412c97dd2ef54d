"""Lessons: check answers to the exercises of notebooks, and give hints for wrong ones.

00_first_run      makespan(answer, scenario)          how long does it take?
01_t_total        subsets(answer, scenario)           how many subsets of the items end first?
02_schedulers     order(answer, scenario)             which order of the tasks reaches T_total?
03_two_splits     weights(answer, scenario)           from which model size is the split by layers faster?
04_predict_...    roofline(answer, call, device)      how long does a kernel take by the roofline?
05_pipelines      pipeline(answer, scenario)          how long does a pipeline take?
06_memory_...     activations(answer, rank, scenario) how many bytes does a rank keep for backward?
07_data_...       exposed(answer, "data", scenario)   how long do devices wait for gradients and weights?
08_collectives... all_reduce(answer, scenario)        how long does an all-reduce take?
09_mixtures       exposed(answer, "tensor", scenario) how long do devices wait for what layers exchange?
10_whole_cluster  plan(answer, "2 s", scenario)       which plan fits, and takes at most that long?
11_planning       cheapest(answer, scenario)          which row of a space meets its conditions, and costs least?

No answers are stored. Each is computed by parsim, so the questions work with other values as well.
"""

from parsim.lessons.collectives import all_reduce
from parsim.lessons.items import makespan, order, subsets, weights
from parsim.lessons.kernels import roofline
from parsim.lessons.marked import Marked
from parsim.lessons.plans import plan
from parsim.lessons.spaces import cheapest
from parsim.lessons.training import activations, exposed, pipeline

__all__ = [
    "Marked",
    "activations",
    "all_reduce",
    "cheapest",
    "exposed",
    "makespan",
    "order",
    "pipeline",
    "plan",
    "roofline",
    "subsets",
    "weights",
]
