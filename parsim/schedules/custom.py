"""Custom: the orders of a file or of a list, in PyTorch's notation.

    0F0,0F1,,0B0,0F2,0B1,...            a CSV file: a line for each rank, a cell for each action; empty cells are idle
    ,1F0,1B0,1F1,1B1,...                steps, which say nothing, since the times decide who waits

PyTorch's `_PipelineScheduleRuntime._load_csv` reads such files, and `parsim schedule NAME --csv` writes them. A file
with communication (`compute_comms`) is read, too: SEND, RECV, UNSHARD, RESHARD and REDUCE_GRAD are left out, since
sends follow from the actions. A stage may be on any rank, and for some microbatches on another. Without any backward,
the orders are those of a forward pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from parsim.core.errors import Complaint, Fault, Invalid, ScenarioError
from parsim.core.op import Action, action, ops_of
from parsim.core.read_file import content
from parsim.core.schema import File, Name
from parsim.core.wrong_orders import SHOWN, wrong
from parsim.schedules import schedules

_LEFT_OUT = re.compile(r"\d+(SEND_F|RECV_F|SEND_B|RECV_B|UNSHARD|RESHARD|REDUCE_GRAD)\d*")


class Told(NamedTuple):
    """What is wrong with the order of a rank, and the column of its line."""

    rank: int
    column: int
    message: str


@schedules.add("custom")
def custom(ranks: int, microbatches: int, orders: File | list[Name], chunks: int | None = None) -> list[list[Action]]:
    """Read the orders from a CSV file of PyTorch's, or from a list.

    Parameters
    ----------
    orders : path of a CSV file with a line for each rank, relative to the folder of the scenario, or a list with the
        actions of each rank, separated by spaces or commas.

    >>> for order in custom(2, 1, orders=["0F0 0B0", "1F0, 1I0, 1W0"]): print(*order)
    0F0 0B0
    1F0 1I0 1W0
    """
    file = orders if isinstance(orders, str) else ""
    cells = [_cells(line) for line in (_lines(file) if file else orders)]
    _refuse(file, (Told(rank, *told) for rank, row in enumerate(cells) for told in _about_cells(rank, row)))
    if len(cells) != ranks:
        why = f"the orders are those of {len(cells)} ranks, and the pipeline has {ranks}"
        raise Invalid([Complaint(("orders",), why)])
    read = [[action(cell[0]) for cell in row] for row in cells]
    ops = [op for order in read for op in ops_of(order)]
    most = 1 + max(op.microbatch for op in ops)
    if most < microbatches:
        why = f"the orders are those of {most} microbatches; use microbatches: {most}"
        raise Invalid([Complaint(("microbatches",), why)])
    stages = ranks * chunks if chunks else 1 + max(op.stage for op in ops)
    found = wrong(read, stages, microbatches)
    _refuse(file, (Told(one.rank, _column(cells[one.rank], one.at), one.message) for one in found))
    return read


def _lines(file: str) -> list[str]:
    try:
        text = content(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid([Complaint(("orders",), f"'{file}': is not text in UTF-8")]) from None
    except ValueError as error:
        raise Invalid([Complaint(("orders",), f"'{file}': {error}")]) from None
    return text.rstrip().splitlines()


def _cells(line: str) -> list[re.Match[str]]:
    """Split a line into actions, without those of communication."""
    return [cell for cell in re.finditer(r"[^,\s\"]+", line) if not _LEFT_OUT.fullmatch(cell[0])]


def _about_cells(rank: int, cells: Sequence[re.Match[str]]) -> Iterable[tuple[int, str]]:
    if not cells:
        yield 1, f"rank {rank} has no action"
    for cell in cells:
        try:
            action(cell[0])
        except ValueError as error:
            yield cell.start() + 1, f"rank {rank}: {error}"


def _column(cells: Sequence[re.Match[str]], at: int) -> int:
    return cells[min(at, len(cells) - 1)].start() + 1


def _refuse(file: str, told: Iterable[Told]) -> None:
    """Raise what is told: faults of the file, or complaints about the list."""
    said = list(islice(told, SHOWN))
    if said and file:
        raise ScenarioError(Fault(file, one.rank + 1, one.column, "orders", one.message) for one in said)
    if said:
        raise Invalid(Complaint(("orders", one.rank), one.message) for one in said)
