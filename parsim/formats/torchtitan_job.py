"""Cluster, workload and plan of a job of torchtitan, from the sections of its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from parsim.core.suggestions import did_you_mean
from parsim.formats import found
from parsim.formats.config import Config
from parsim.formats.found import On, Said
from parsim.formats.torchtitan_models import FLAVORS

SCHEDULES = {  # by PyTorch's names
    "1F1B": "1f1b",
    "GPipe": "gpipe",
    "Interleaved1F1B": "interleaved-1f1b",
    "LoopedBFS": "looped-bfs",
    "InterleavedZeroBubble": "interleaved-zb",
    "ZBVZeroBubble": "zb-v",
    "DualPipeV": "dualpipev",
}
LOOPED = ("interleaved-1f1b", "looped-bfs", "interleaved-zb")
PRECISIONS = {"bfloat16": "bf16-mixed", "float32": "fp32"}
WHERE = ("parallelism", "training", "experimental")  # sections in which degrees stand, and stood in 2024
SHARD, REPLICATE = "data_parallel_shard_degree", "data_parallel_replicate_degree"
LAYERS, EACH = "pipeline_parallel_layers_per_stage", "pipeline_parallel_microbatch_size"


class Job:
    """Reads the sections of a job, and collects what differs."""

    def __init__(self, sections: Mapping[str, Config], on: On) -> None:
        self.sections, self.on = sections, on
        self.model, self.training, self.parallel = (sections[name] for name in ("model", "training", "parallelism"))
        self.notes: list[str] = []
        self.name, self.flavor = self.model.text("name", "llama3"), self.model.text("flavor", "debugmodel")
        self.sizes = self._sizes()
        self.degrees = {name: self._degree(f"{name}_parallel_degree") for name in ("tensor", "pipeline", "context")}
        self.expert = self._degree("expert_parallel_degree")
        self.replicas = self._degree(REPLICATE)
        self.shards = self._shards()
        self.local = self.training.count("local_batch_size", "batch_size", default=8)
        self.data = 1

    # -- degrees, and the devices that they make

    def _degree(self, key: str) -> Said:
        for name in WHERE:
            if key in self.sections[name]:
                return self.sections[name].count(key)
        return Said(1, f"the default of {key}")

    def _shards(self) -> Said:
        """Return the data ranks that share weights; -1: those that are left."""
        for config in (self.sections[name] for name in WHERE):
            for key in (SHARD, "data_parallel_degree"):
                if config.get(key) == -1:
                    return config.said(key, -1)
                if key in config:
                    return config.count(key)
        return Said(-1, f"the default of {SHARD}")

    def cluster(self) -> dict[str, Said]:
        """Return a cluster on which the degrees fit."""
        others = int(self.replicas.value)
        for degree in self.degrees.values():
            others *= int(degree.value)
        count, source = self._devices(others)
        shards = int(self.shards.value)
        if count % others or (shards > 0 and others * shards != count):
            config, key = self._stated()
            why = f"the degrees make {others * max(shards, 1)} devices, and the cluster has {count} ({source})"
            config.refuse(key, f"{why}; change a degree, or name another cluster by --on")
        self.data = max(count // others, 1) * int(self.replicas.value)
        return found.cluster(self.on, Said(count, source))

    def _devices(self, others: int) -> tuple[int, str]:
        """Return how many devices there are where *others* stand beside those that share weights."""
        on, shards = self.on, int(self.shards.value)
        if on.nodes:
            return on.nodes * on.per_node, f"--on: {on.nodes} x {on.per_node}"
        if shards > 0:
            return others * shards, "the product of the degrees"
        whole = -(-others // on.per_node) * on.per_node
        return whole if whole % others == 0 else others, "not in the file: whole nodes; --on 4xdgx-h100 says more"

    def _stated(self) -> tuple[Config, str]:
        """Return the first degree that the file states: its section and its key."""
        keys = (SHARD, "data_parallel_degree", REPLICATE, *(f"{name}_parallel_degree" for name in self.degrees))
        stated = [(self.sections[name], key) for key in keys for name in WHERE if self.sections[name].get(key, 1) != 1]
        return stated[0] if stated else (self.parallel, SHARD)

    # -- workload

    def _sizes(self) -> dict[str, Any]:
        flavors, flavor = FLAVORS.get(self.name, {}), re.sub(r"_(flex|varlen)(_attn)?$", "", self.flavor)
        if not flavors:
            self.model.refuse("name", did_you_mean(self.name, FLAVORS, "model"))
        elif flavor not in flavors:
            self.model.refuse("flavor", did_you_mean(flavor, flavors, "flavor"))
        return flavors.get(flavor, FLAVORS["llama3"]["debugmodel"])

    def work(self) -> dict[str, Said]:
        """Return the workload."""
        told = f"{self.name} {self.flavor}"
        made = {"kind": Said("transformer", f"torchtitan's {told}")}
        made |= {key: Said(value, told) for key, value in self.sizes.items()}
        made["sequence"] = self.training.count("seq_len", default=2048)
        made |= {"batch": self._batch(), "optimizer": self._optimizer(), "precision": self._precision()}
        return {f"workload.{key}": said for key, said in made.items()}

    def _refused(self, *endings: str) -> bool:
        """Return whether a key with such an ending has a fault."""
        return any(fault.path.endswith(endings) for one in self.sections.values() for fault in one.faults)

    def _batch(self) -> Said:
        each = self.local
        of_step = int(each.value) * self.data
        if self.training.get("global_batch_size", -1) == -1:
            return Said(of_step, f"{each.source} x {self.data} data ranks", each.at)
        whole = self.training.count("global_batch_size")
        if whole.value % of_step and not self._refused("_degree", "batch_size"):
            why = f"{whole.value} samples are not divisible by {each.value} x {self.data} data ranks"
            self.training.refuse("global_batch_size", f"{why}; write a multiple of {of_step}")
        if whole.value > of_step and self.degrees["pipeline"].value > 1:
            self.notes.append(f"{whole.source}: all microbatches of a step are in one pipeline, which is not emptied.")
        return whole

    def _optimizer(self) -> Said:
        name = self.sections["optimizer"].text("name", "AdamW")
        if name not in ("Adam", "AdamW"):
            self.notes.append(f"optimizer.name {name}: adam is simulated.")
        return Said("adam", f"optimizer.name {name}")

    def _precision(self) -> Said:
        name = self.training.text("mixed_precision_param", "bfloat16")
        reduced = self.training.text("mixed_precision_reduce", "float32")
        converters = str(self.model.get("converters", ""))
        if name not in PRECISIONS:
            self.training.refuse("mixed_precision_param", did_you_mean(name, PRECISIONS))
        preset, source = PRECISIONS.get(name, "fp32"), f"training.mixed_precision_param {name}"
        if "float8" in converters:
            preset, source = "fp8-mixed", "model.converters float8"
            self.notes.append(f"{source}: all products with weights are in fp8, and weights take one byte.")
        if preset == "fp32" or reduced != "float32":
            return Said(preset, source)
        return Said({"preset": preset, "gradients": "fp32"}, f"{source}, mixed_precision_reduce {reduced}")

    # -- plan

    def plan(self) -> dict[str, Said]:
        """Return the plan."""
        told = f"{REPLICATE} {self.replicas.value}, {SHARD} {self.shards.value}"
        made = {"data": Said(self.data, told, self.shards.at)}
        made |= {name: degree for name, degree in self.degrees.items() if degree.value > 1}
        if self.expert.value > 1:
            made["expert"] = self.expert
        made |= self._pipeline() | self._sharding() | self._recompute()
        if self.parallel.on("enable_async_tensor_parallel", False):
            self.notes.append("enable_async_tensor_parallel: exchanges of tensor ranks are not hidden.")
        return {f"plan.{key}": said for key, said in made.items()}

    def _pipeline(self) -> dict[str, Said]:
        parallel, each = self.parallel, self.local
        if self.degrees["pipeline"].value == 1:
            for key in (EACH, LAYERS, "pipeline_parallel_schedule", "pipeline_parallel_schedule_csv"):
                parallel.get(key)
            return {"microbatch_size": each}
        size = parallel.count(EACH, default=1)
        if each.value % size.value and not self._refused("batch_size"):
            parallel.refuse(
                EACH, f"does not divide the {each.value} samples of a rank; write a divisor of {each.value}"
            )
        stages = Said("framework", "embedding and head count as a layer each")
        return {**self._schedule(), "stages": stages, "microbatch_size": size}

    def _schedule(self) -> dict[str, Said]:
        """Return the schedule, and the stages of a rank where the file says how many layers one has."""
        parallel, name = self.parallel, self.parallel.text("pipeline_parallel_schedule", "1F1B")
        orders = parallel.text("pipeline_parallel_schedule_csv", "")
        if orders:
            own = {"kind": "custom", "orders": orders}
            return {"schedule": parallel.said("pipeline_parallel_schedule_csv", own)}
        known = {other.lower(): mine for other, mine in SCHEDULES.items()}
        if name.lower() not in known:
            parallel.refuse("pipeline_parallel_schedule", did_you_mean(name, SCHEDULES))
        kind = known.get(name.lower(), "1f1b")
        made = {"schedule": parallel.part("pipeline_parallel_schedule", kind)}
        if LAYERS in parallel and kind in LOOPED:
            layers = parallel.count(LAYERS)
            stages = -(-(int(self.sizes["blocks"]) + 2) // int(layers.value))
            made["chunks"] = layers._replace(value=max(-(-stages // int(self.degrees["pipeline"].value)), 1))
        return made

    def _sharding(self) -> dict[str, Said]:
        policy = self.parallel.text("fsdp_reshard_after_forward", "default")
        shared = self.data // int(self.replicas.value) * int(self.degrees["context"].value)
        if shared == 1:
            return {}
        if self.replicas.value > 1:
            told = f"{REPLICATE}: weights are shared and gathered by all {self.data} data ranks"
            self.notes.append(f"{told}, not by {shared} in each of {self.replicas.value} replicas.")
        piped = policy == "default" and self.degrees["pipeline"].value > 1
        source = f"fsdp_reshard_after_forward {policy}{', with a pipeline' if piped else ''}"
        stays = policy == "never" or piped
        return {"sharding": Said({"kind": "fsdp", "reshard": False} if stays else "fsdp", source)}

    def _recompute(self) -> dict[str, Said]:
        config = self.sections["activation_checkpoint"]
        mode, option = config.text("mode", "selective"), str(config.get("selective_ac_option", "2"))
        if mode not in ("none", "full", "selective"):
            config.refuse("mode", did_you_mean(mode, ("none", "full", "selective")))
        if mode != "selective":
            return {"recompute": config.part("mode", mode)}
        every = int(option[:9]) if option.isdecimal() and int(option) else 2
        again = ["none" if block % every else "full" for block in range(1, int(self.sizes["blocks"]) + 1)]
        if not option.isdecimal():
            told = "every second block is computed again, in place of every second product of each"
            self.notes.append(f"activation_checkpoint.selective_ac_option {option}: {told}.")
        source = f"activation_checkpoint.mode selective, option {option}: block {every} and each further {every}"
        return {"recompute": Said(["none", *again, "none"], source)}
