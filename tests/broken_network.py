"""The network with one rule broken at a time: in which file, and which text is replaced by what."""

import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

SIM = Path(__file__).parents[1] / "parsim" / "sim"

BROKEN_NETWORK = {
    "other links do not look again": ("fair_rates", "self.queue.append(other)", "pass"),
    "what is left of a link is not kept": ("fair_rates", "other.rest -= weight * more", "pass"),
    "links that are left out stay out": ("fair_rates", "elif link.most > link.capacity:", "elif False:"),
    "every link is left out but the narrowest": (
        "fair_rates",
        "self._share(flow, link)\n            elif",
        "pass\n            elif",
    ),
    "a flow alone stays alone": ("fair_rates", "if not other.binding:", "if False:"),
    "weights do not count": ("fair_rates", "rest -= limit * weight", "rest -= limit"),
    "others hold no flow": ("fair_rates", "if limit * total > rest * (1 + TIE):", "if True:"),
    "who leaves still counts": ("fair_rates", "link.lose_alone(weight)\n            if", "pass\n            if"),
    "an end frees nothing": (
        "fair_rates",
        "if link.share < math.inf:\n                self._enqueue(link)",
        "if False:\n                pass",
    ),
    "old levels are final": ("fair_rates", "if level > old:", "if False:"),
    "filling takes nothing away": ("fair_rates", "state[0] -= own * level", "pass"),
    "filling moves no flow": ("fair_rates", "if bottleneck is not flow.bottleneck:", "if False:"),
    "a share that changes little stays": ("fair_rates", "SAME = 1e-13", "SAME = 1e-3"),
    "capacities stay": ("fair_rates", "link.capacity = capacity", "pass"),
    "meters stand still": ("links", "self.meter += int(", "int("),
    "a flow brings all its bytes along": ("links", "return max(0, flow.target - self.meter)", "return flow.target"),
    "limits do not hold": ("network", "if limit < math.inf:", "if False:"),
    "nothing takes time": ("network", "ways, limit = (), math.inf", "size = 1.0"),
}


def broken(file, right, wrong):
    """Return Network of a simulator in whose *file* the text *right* is replaced by *wrong*."""
    with patch.dict(sys.modules):
        for name in ("links", "fair_rates", "network"):
            source = (SIM / f"{name}.py").read_text().replace("FEW = 1_000", "FEW = 20")  # so that both ways are taken
            if name == file:
                assert source.count(right) == 1, f"{right!r} stands in {file} {source.count(right)} times"
                source = source.replace(right, wrong)
            module = sys.modules[f"parsim.sim.{name}"] = ModuleType(f"parsim.sim.{name}")
            exec(compile(source, f"broken {name}", "exec"), module.__dict__)
        return module.Network
