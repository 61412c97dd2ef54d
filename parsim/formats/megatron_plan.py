"""The plan that flags of Megatron-LM describe.

1,024 devices, --tensor-model-parallel-size 8 --pipeline-model-parallel-size 16    ->    plan: {data: 8, tensor: 8, ...}
"""

from __future__ import annotations

from parsim.formats.flags import Flags
from parsim.formats.found import UNPLACED, On, Said, cluster
from parsim.formats.launch import Devices

DEGREES = {
    "tensor": "--tensor-model-parallel-size",
    "pipeline": "--pipeline-model-parallel-size",
    "context": "--context-parallel-size",
}
EXPERT, BATCH, EACH = "--expert-model-parallel-size", "--global-batch-size", "--micro-batch-size"
LAYERS, VIRTUAL = "--num-layers-per-virtual-pipeline-stage", "--num-virtual-stages-per-pipeline-rank"
FIRST, LAST = "--decoder-first-pipeline-num-layers", "--decoder-last-pipeline-num-layers"
DEFAULT = "Megatron's default"
MILLION = 10**6  # weights


def plan(flags: Flags, starts: Devices | None, on: On, work: dict[str, Said]) -> tuple[dict[str, Said], list[str]]:
    """Return the values of cluster and plan, with the batch, and what differs from the program."""
    reader = _Plan(flags, work)
    made = reader.cluster(starts, on) | reader.degrees_written() | reader.pipeline()
    made |= reader.batch() | reader.state() | reader.recompute()
    reader.others()
    return made, reader.notes


class _Plan:
    """Reads a plan, and collects what differs."""

    def __init__(self, flags: Flags, work: dict[str, Said]) -> None:
        self.flags, self.work = flags, work
        self.degrees = {name: flags.count(flag) or 1 for name, flag in DEGREES.items()}
        self.data = 1
        self.blocks = int(work["workload.blocks"].value)
        self.chunks = 1
        self.notes: list[str] = []

    @property
    def shared(self) -> int:
        """Devices of a replica."""
        return self.degrees["tensor"] * self.degrees["pipeline"] * self.degrees["context"]

    def _told(self) -> str:
        told = " x ".join(f"{name} {degree}" for name, degree in self.degrees.items() if degree > 1)
        return f"({told})" if " x " in told else told or "one device"

    def cluster(self, starts: Devices | None, on: On) -> dict[str, Said]:
        """Return the cluster: of --on, of the launcher, or as large as one replica."""
        at, per_node = UNPLACED, starts.per_node if starts else 0
        if on.nodes:
            count, source, per_node = on.nodes * on.per_node, f"--on: {on.nodes} x {on.per_node}", 0
            if starts and starts.number != count:
                source += f"; the file says {starts.number}"
        elif starts:
            count, source, at = starts.number, starts.source, self.flags.source.position(starts.at)
        else:
            count, source = self.shared, "the file does not say how many: one replica; --on 4xdgx-h100 says more"
        if count % self.shared:
            self._refuse_count(count, source)
        self.data = max(count // self.shared, 1)
        return cluster(on, Said(count, source, at), min(per_node, count))

    def _refuse_count(self, count: int, source: str) -> None:
        name = next((flag for name, flag in DEGREES.items() if self.degrees[name] > 1), DEGREES["tensor"])
        why = f"{self._told()} = {self.shared} devices a replica do not divide the {count} devices ({source})"
        self.flags.refuse(name, f"{why}; change a degree or the number of devices, or name another cluster by --on")

    def batch(self) -> dict[str, Said]:
        """Return the batch and the size of a microbatch."""
        flags, each, whole = self.flags, self.flags.count(EACH), self.flags.count(BATCH)
        size = flags.said(EACH, each) if each else Said(1, "not in the file")
        of_step = self.data * size.value
        if not whole:
            made = Said(of_step, f"{size.value} of a microbatch x {self.data} data ranks")
            return {"workload.batch": made, "plan.microbatch_size": size}
        if whole % of_step and not flags.refused(EACH, *DEGREES.values()):
            why = f"{whole} samples are not divisible by {size.value} of a microbatch x {self.data} data ranks"
            flags.refuse(BATCH, f"{why}; write a multiple of {of_step}")
        return {"workload.batch": flags.said(BATCH, whole), "plan.microbatch_size": size}

    def degrees_written(self) -> dict[str, Said]:
        """Return the degrees."""
        flags = self.flags
        made = {"plan.data": Said(self.data, f"devices / {self._told()}")}
        for name, flag in DEGREES.items():
            if flag in flags and self.degrees[name] > 1:
                made[f"plan.{name}"] = flags.said(flag, self.degrees[name])
        if self.degrees["tensor"] > 1:
            shared = flags.on("--sequence-parallel")
            made["plan.sequence_parallel"] = Said(shared, "--sequence-parallel" if shared else "no --sequence-parallel")
        elif flags.on("--sequence-parallel"):
            self.notes.append("--sequence-parallel has no effect with one tensor rank.")
        self._check_sequence()
        return made | self._expert()

    def _check_sequence(self) -> None:
        context, sequence = self.degrees["context"], int(self.work["workload.sequence"].value)
        if context > 1 and sequence % (2 * context):
            why = (
                f"a sequence of {sequence} tokens is not divisible by 2 x {context}; write a divisor of {sequence} / 2"
            )
            self.flags.refuse(DEGREES["context"], why)

    def _expert(self) -> dict[str, Said]:
        flags, ranks, experts = self.flags, self.flags.count(EXPERT), self.flags.count("--num-experts")
        tensor = flags.count("--expert-tensor-parallel-size")
        if ranks <= 1:
            return {}
        if not experts and not flags.refused("--num-experts"):
            flags.refuse(EXPERT, "needs --num-experts; state how many experts there are, or leave it out")
        elif experts % ranks:
            flags.refuse(EXPERT, f"{ranks} does not divide {experts} experts; write a divisor of {experts}")
        elif (among := self.data * self.degrees["context"]) % ranks and not flags.refused(*DEGREES.values()):
            flags.refuse(EXPERT, f"{ranks} does not divide data x context = {among}, among which experts are shared")
        if tensor and tensor != self.degrees["tensor"]:
            self.notes.append(f"--expert-tensor-parallel-size {tensor}: experts are shared by all tensor ranks.")
        if flags.text("--moe-token-dispatcher-type") in ("", "allgather"):
            told = "tokens go to their experts by all-to-alls, and are not gathered."
            self.notes.append(f"--moe-token-dispatcher-type: {told}")
        return {"plan.expert": flags.said(EXPERT, ranks)}

    # -- pipeline

    def pipeline(self) -> dict[str, Said]:
        """Return schedule, chunks, stages and sends of a pipeline."""
        flags, ranks = self.flags, self.degrees["pipeline"]
        self.chunks = self._chunks()
        if ranks == 1:
            return {}
        stages = self._stages()
        if self.chunks == 1:
            sends = Said("blocking", f"{DEFAULT}: sends overlap in interleaved pipelines alone")
            return {"plan.schedule": Said("1f1b", DEFAULT), **stages, "plan.sends": sends}
        name = LAYERS if LAYERS in flags else VIRTUAL
        made = {"plan.schedule": Said("interleaved-1f1b", name), "plan.chunks": flags.said(name, self.chunks)}
        if flags.on("--no-overlap-p2p-communication"):
            stages["plan.sends"] = Said("blocking", "--no-overlap-p2p-communication")
        return made | stages

    def _chunks(self) -> int:
        flags, ranks = self.flags, self.degrees["pipeline"]
        layers, stages = flags.count(LAYERS), flags.count(VIRTUAL)
        if layers and stages:
            flags.refuse(VIRTUAL, f"says the same as {LAYERS} in another way; leave one of them out")
            return 1
        if ranks == 1:
            if (layers or stages) and not flags.refused(DEGREES["pipeline"]):
                flags.refuse(LAYERS if layers else VIRTUAL, f"needs {DEGREES['pipeline']} above 1; leave it out")
            return 1
        if not layers:
            return stages or 1
        if self.blocks and self.blocks % (ranks * layers):
            why = f"{self.blocks} layers are not divisible by {ranks} ranks x {layers} layers"
            flags.refuse(LAYERS, f"{why}; write a divisor of {self.blocks} / {ranks}")
            return 1
        return self.blocks // (ranks * layers) or 1

    def _stages(self) -> dict[str, Said]:
        """Return the blocks of each stage: equal numbers, but for the first and the last where flags say so."""
        flags, count = self.flags, self.degrees["pipeline"] * self.chunks
        first, last = flags.count(FIRST), flags.count(LAST)
        if first or last:
            return self._uneven(first, last)
        beside = [flags.on(f"--account-for-{what}-in-pipeline-split") for what in ("embedding", "loss")]
        if (self.blocks + sum(beside)) % count:
            why = f"{self.blocks + sum(beside)} layers do not make {count} equal stages; write a multiple"
            flags.refuse("--num-layers", f"{why}, or {FIRST} and {LAST}")
        elif any(beside):
            each = [(self.blocks + sum(beside)) // count] * count
            each[0] -= beside[0]
            each[-1] -= beside[1]
            return {"plan.stages": Said(each, "--account-for-...-in-pipeline-split")}
        return {"plan.stages": Said("count", "equal numbers of layers")}

    def _uneven(self, first: int, last: int) -> dict[str, Said]:
        flags, ranks, chunks = self.flags, self.degrees["pipeline"], self.chunks
        middle = ranks - bool(first) - bool(last)
        left = self.blocks - first - last
        name = FIRST if first else LAST
        if left < 0 or (middle and (left % (middle * chunks) or not left)) or (not middle and left):
            flags.refuse(name, f"leaves {left} of {self.blocks} layers to {middle} ranks, which do not divide")
            return {}
        if first % chunks or last % chunks:
            flags.refuse(name, f"is not divisible by the {chunks} virtual stages of a rank")
            return {}
        of_rank = [first] * bool(first) + [left // middle if middle else 0] * middle + [last] * bool(last)
        source = " ".join(flag for flag in (FIRST, LAST) if flag in flags)
        return {"plan.stages": Said([own // chunks for own in of_rank] * chunks, source, flags.said(name, 0).at)}

    # -- state of training

    def state(self) -> dict[str, Said]:
        """Return what data ranks share of the state of training, and the buckets of gradients."""
        flags, made = self.flags, {}
        sharding = self._sharding()
        ranks = self.data * self.degrees["context"]
        if sharding and ranks > 1:
            made["plan.sharding"] = sharding
        elif sharding:
            self.notes.append(f"{sharding.source} has no effect: there is one data rank, which shares with nobody.")
        size, overlapped = flags.count("--ddp-bucket-size"), flags.on("--overlap-grad-reduce")
        if flags.on("--overlap-param-gather"):
            if not sharding:
                flags.refuse("--overlap-param-gather", "needs --use-distributed-optimizer; state it, or leave this out")
            elif sharding.value == "zero1":
                self.notes.append("--overlap-param-gather: new weights are gathered before the next step begins.")
        if ranks == 1 or (sharding and sharding.value == "zero3"):
            return made
        if not overlapped:
            return made | {"plan.bucket": Said("1 TB", "no --overlap-grad-reduce: all gradients at once, at the end")}
        weights = size or max(40 * MILLION, MILLION * ranks)
        each = self._bytes()
        source = f"--ddp-bucket-size {size}" if size else f"--overlap-grad-reduce: {weights // MILLION} million weights"
        return made | {"plan.bucket": Said(f"{weights * each / MILLION:g} MB", f"{source}, {each} B each")}

    def _bytes(self) -> int:
        """Return the bytes of a gradient."""
        precision = self.work["workload.precision"].value
        return 4 if precision == "fp32" or (isinstance(precision, dict) and precision.get("gradients") == "fp32") else 2

    def _sharding(self) -> Said | None:
        flags = self.flags
        strategy = flags.text("--data-parallel-sharding-strategy")
        for name in ("--use-torch-fsdp2", "--use-megatron-fsdp", "--use-custom-fsdp"):
            if flags.on(name):
                kinds = {"optim": "zero1", "optim_grads": "zero2", "no_shard": "none"}
                return Said(kinds.get(strategy, "zero3"), f"{name} {strategy}".strip())
        stage = flags.text("--zero-stage")
        if stage in ("1", "2", "3"):
            return flags.said("--zero-stage", f"zero{stage}")
        if flags.on("--use-distributed-optimizer"):
            return flags.said("--use-distributed-optimizer", "zero1")
        return None

    # -- recomputation

    def recompute(self) -> dict[str, Said]:
        """Return what backward computes again."""
        flags = self.flags
        kind = flags.choice("--recompute-granularity", ("full", "selective"))
        method = flags.choice("--recompute-method", ("uniform", "block"))
        some, brief = flags.count("--recompute-num-layers"), flags.on("--recompute-activations")
        if brief and kind == "full":
            flags.refuse("--recompute-activations", "means selective, and contradicts --recompute-granularity full")
        old = flags.on("--checkpoint-activations")
        if kind == "full" and method == "block" and some:
            return self._blocks(some)
        if kind == "full" or old:
            if method == "uniform" and some > 1:
                self.notes.append(f"--recompute-num-layers {some}: each block keeps its input, not every {some}th.")
            name = "--recompute-granularity" if kind == "full" else "--checkpoint-activations"
            return {"plan.recompute": flags.said(name, "full")}
        if kind == "selective" or brief:
            modules = flags.text("--recompute-modules")
            if modules not in ("", "core_attn"):
                self.notes.append(f"--recompute-modules {modules}: only the inside of attention is computed again.")
            name = "--recompute-activations" if brief else "--recompute-granularity"
            return {"plan.recompute": flags.said(name, "selective")}
        return {}

    def _blocks(self, some: int) -> dict[str, Said]:
        """Return what is computed again where the first blocks of each stage are."""
        count = self.degrees["pipeline"] * self.chunks
        each = max(self.blocks // count, 1)
        again = ["full" if block % each < some else "none" for block in range(self.blocks)]
        source = f"--recompute-method block --recompute-num-layers {some}: so many of each stage"
        return {"plan.recompute": Said(["none", *again, "none"], source)}

    def others(self) -> None:
        """Note flags whose effect parsim does not have."""
        for name, why in WITHOUT.items():
            if self.flags.on(name):
                self.notes.append(f"{name}: {why}")


WITHOUT = {
    "--rampup-batch-size": "steps have the full batch.",
    "--pipeline-model-parallel-layout": "stages have equal numbers of layers.",
    "--standalone-embedding-stage": "the embedding shares the first stage.",
    "--tp-comm-overlap": "exchanges of tensor ranks are not hidden.",
    "--defer-embedding-wgrad-compute": "backward of the embedding is not put off.",
    "--delay-wgrad-compute": "backward for weights is not put off.",
    "--overlap-moe-expert-parallel-comm": "exchanges of experts are not hidden.",
    "--optimizer-cpu-offload": "the optimizer's state is on the device.",
    "--cpu-offloading": "activations stay on the device.",
    "--moe-shared-expert-intermediate-size": "experts that see all tokens are not counted.",
    "--multi-latent-attention": "attention is counted as that of heads of full width.",
    "--qk-layernorm": "norms of queries and keys are not counted.",
    "--moe-shared-expert-overlap": "experts that see all tokens are not counted.",
}
