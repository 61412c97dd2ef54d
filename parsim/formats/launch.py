"""How many devices a launcher starts: torchrun, srun, sbatch, deepspeed, mpirun, or variables of the script.

torchrun --nnodes 16 --nproc_per_node 8             16 x 8
#SBATCH --nodes=16, srun --ntasks-per-node 8        16 x 8
deepspeed --num_nodes 16 --num_gpus 8               16 x 8
GPUS_PER_NODE=8, NNODES=16                          16 x 8, where no launcher says it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from parsim.formats.shell.parts import Letters
from parsim.formats.shell.variables import Field

_BATCH = re.compile(r"^#SBATCH[ \t]+(.*)$", re.MULTILINE)
SHORT = {"-N": "--nodes", "-n": "--ntasks", "-np": "--ntasks", "-G": "--gpus"}
NODES = ("--nnodes", "--num-nodes", "--nodes")
TORCH = "--nproc-per-node"  # of torchrun, which starts processes of its own
GPUS = ("--gpus-per-node", "--gres")
EACH = ("--num-gpus", "--ntasks-per-node", *GPUS)
ALL = ("--ntasks", "--gpus")
NODES_OF = ("NNODES", "NUM_NODES", "NODES", "N_NODES", "NODE_COUNT")
EACH_OF = ("GPUS_PER_NODE", "NPROC_PER_NODE", "NUM_GPUS_PER_NODE", "GPUS", "NGPU", "N_GPUS")
OF_ALL = ("WORLD_SIZE",)
SLURM = {
    **dict.fromkeys(("SLURM_NNODES", "SLURM_JOB_NUM_NODES"), NODES),
    **dict.fromkeys(("SLURM_GPUS_ON_NODE", "SLURM_GPUS_PER_NODE"), GPUS),
    "SLURM_NTASKS": ("--ntasks",),
    "SLURM_NTASKS_PER_NODE": ("--ntasks-per-node",),
}


class Devices(NamedTuple):
    """How many devices there are, how many a node has (0: that is not said), and what says so."""

    number: int
    per_node: int
    source: str
    at: int


class Option(NamedTuple):
    """A number that an option states."""

    number: int
    source: str
    at: int


Options = dict[str, Option]


def batch_options(text: str) -> Options:
    """Return the options in the lines `#SBATCH` of a script.

    >>> {name: option.number for name, option in batch_options("#SBATCH -N 2 --gres=gpu:a100:8").items()}
    {'--nodes': 2, '--gres': 8}
    """
    found: Options = {}
    for line in _BATCH.finditer(text):
        words = []
        for word in re.finditer(r"\S+", line[1].partition(" #")[0]):
            at = line.start(1) + word.start()
            words.append(Field(word[0], at, "", Letters(word[0], range(at, at + len(word[0])))))
        found |= options(words)
    return found


def variables(batch: Options) -> dict[str, Letters]:
    """Return what SLURM tells a script by variables, as far as its lines `#SBATCH` say it."""
    told = {name: _first(batch, keys) for name, keys in SLURM.items()}
    return {
        name: Letters(str(one.number), [one.at] * len(str(one.number))) for name, one in told.items() if one is not None
    }


def options(words: Sequence[Field]) -> Options:
    """Return the numbers of a launcher's options, `--name value`, `--name=value` or `-N value`; 0: it is not known."""
    found: Options = {}
    for word, following in zip_longest(words, words[1:]):
        name, equals, value = word.text.partition("=")
        name = SHORT.get(name, name.replace("_", "-"))
        if name not in (TORCH, *NODES, *EACH, *ALL):
            continue
        if not equals and following is not None:
            value = following.text if following.known else ""
        number = re.fullmatch(r"(?:\w+:)*(\d{1,7})(?::\d+)?" if name == "--gres" else r"(\d{1,7})", value)
        found[name] = Option(int(number[1]) if number else 0, f"{word.text.partition('=')[0]} {value}", word.at)
    return found


def devices(launcher: Options, batch: Options, held: Callable[[str], Field | None]) -> Devices | None:
    """Return how many devices a launcher starts; None: nobody says it.

    Parameters
    ----------
    launcher : options of the command that starts the training.
    batch : options of the lines `#SBATCH`.
    held : returns what a variable of the script holds.
    """
    for said in (launcher, batch | launcher):
        each = _first(said, (TORCH, *GPUS) if TORCH in said else EACH)
        nodes, every = _first(said, NODES), _first(said, ALL)
        if each and nodes:
            return _product(each, nodes)
        if TORCH in said and each and not any(name in said for name in NODES):
            return _product(each, Option(1, "one node", each.at))
        if every and TORCH not in said:
            return Devices(every.number, each.number if each else 0, every.source, every.at)
    each, nodes, every = (_held(held, names) for names in (EACH_OF, NODES_OF, OF_ALL))
    if each and nodes:
        return _product(each, nodes)
    return Devices(every.number, each.number if each else 0, every.source, every.at) if every else None


def _product(each: Option, nodes: Option) -> Devices:
    return Devices(each.number * nodes.number, each.number, f"{nodes.source} x {each.source}", each.at)


def _first(said: Options, names: Iterable[str]) -> Option | None:
    return next((said[name] for name in names if name in said and said[name].number), None)


def _held(held: Callable[[str], Field | None], names: Iterable[str]) -> Option | None:
    for name in names:
        field = held(name)
        if field is not None and field.known and re.fullmatch(r"[1-9]\d{0,6}", field.text):
            return Option(int(field.text), f"{name}={field.text}", field.at)
    return None
