"""The memory of training over time once more, task by task in plain Python, from the spans and the sizes of stages."""

from collections import defaultdict
from itertools import product

KINDS = ("weights", "gradients", "optimizer", "activations", "workspace", "buffers")


class Plain:
    """What the devices of a run hold: `held` has (device, kind, from, until, bytes)."""

    def __init__(self, run):
        self.program, self.held = run.job.graph.program, []
        rows = run.timeline.rows()
        self.spans = {row[1]: (row[3], row[6], row[7]) for row in rows}
        self.late = [f"@{i}" if self.program.iterations > 1 else "" for i in range(self.program.iterations)]
        self.parts = [part.stop - part.start for part in self.program.cut.parts]
        for late, stage, part in product(self.late, range(len(self.program.cut.stages)), range(len(self.parts))):
            self.microbatch(stage, part, late)
        self.always(run)

    def keep(self, device, kind, start, end, size):
        self.held.append((device, kind, start, end, size))

    def microbatch(self, stage, part, late):
        price, spans = self.program.stages.price(stage, self.parts[part]), self.spans
        device, begun, _ = spans[f"{stage}F{part}{late}"]
        back = f"{stage}I{part}{late}" if f"{stage}I{part}{late}" in spans else f"{stage}B{part}{late}"
        _, back_begun, back_ended = spans[back]
        self.keep(device, "activations", begun, back_ended, price.kept)
        self.keep(device, "workspace", back_begun, back_ended, price.workspace)
        if back[len(str(stage))] == "I":
            self.keep(device, "activations", back_ended, spans[f"{stage}W{part}{late}"][2], price.halfway)
        self.given(stage, part, f"{stage}F{part}{late}", price)
        if f"{stage + 1}F{part}{late}" in spans:
            self.travel(f"{stage}F{part}{late}", f"{stage + 1}F{part}{late}", price.sent)
        for kind in "IB" if stage else "":
            other = f"{stage - 1}{kind}{part}{late}"
            if other in spans:
                self.travel(back, other, price.came)

    def travel(self, parent, child, size):
        """Hold what *child* gets from *parent*: where it is made, and where it is read."""
        moved, (device, begun, ended) = self.spans.get(f"{parent}>{child}"), self.spans[child]
        source, made, _ = self.spans[parent]
        arrives, left = (moved[1], moved[2]) if moved else (begun, begun)
        self.keep(source, "buffers", made, left, size)
        self.keep(device, "buffers", arrives, begun if "F" in child else ended, size)

    def given(self, stage, part, forward, price):
        """Hold the inputs of the first stage and the labels of the last one from the transfer's start on."""
        labels = 8 * self.parts[part] * self.size(self.program.model.labels[1:])
        size = price.came * (stage == 0) + labels * (stage == len(self.program.cut.stages) - 1)
        device, begun, _ = self.spans[forward]
        if f"host>{forward}" in self.spans:
            self.keep(device, "buffers", self.spans[f"host>{forward}"][1], begun, size)

    def sums(self, stage, size):
        """Hold the gradients that other devices send to the update."""
        for late in self.late:
            device, _, ended = self.spans[f"{stage}U{late}"]
            for name, (_, start, _) in self.spans.items():
                if name.endswith(f">{stage}U{late}"):
                    self.keep(device, "buffers", start, ended, size)

    def always(self, run):
        """Hold weights and gradients where a stage runs, and the optimizer's state where it is first listed."""
        bytes_, end = {"fp64": 8, "fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1, "none": 0}, run.timeline.makespan_s
        precision, moments = self.program.precision, {"adam": 2, "sgd": 0}[self.program.update.name]
        places = defaultdict(list)
        for rank, order in enumerate(self.program.cut.orders):
            for stage in sorted({op.stage for op in order}):
                places[stage].append(run.job.cluster.workers[rank].name)
        for stage, devices in places.items():
            layers = [self.program.model.layers[n] for n in self.program.cut.stages[stage]]
            count = sum(self.size(shape) for layer in layers for shape in layer.weights.values())
            for device in devices:
                self.keep(device, "weights", 0.0, end, count * bytes_[precision.weights])
                self.keep(device, "gradients", 0.0, end, count * bytes_[precision.gradients])
            self.sums(stage, count * bytes_[precision.gradients])
            state = bytes_[precision.master] + moments * bytes_[precision.optimizer]
            self.keep(devices[0], "optimizer", 0.0, end, count * state)

    @staticmethod
    def size(shape):
        found = 1
        for side in shape:
            found *= side
        return found

    def at(self, device, moment):
        """The bytes of each kind on *device* from *moment* on."""
        found = dict.fromkeys(KINDS, 0.0)
        for owner, kind, start, end, size in self.held:
            if owner == device and start <= moment < end:
                found[kind] += size
        return found

    def moments(self, device):
        return sorted({start for owner, _, start, _, _ in self.held if owner == device})
