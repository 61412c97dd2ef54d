"""Hugging Face: the `config.json` of a model, whose `model_type` says how it is made.

{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, ...}    ->    workload: {kind: transformer, ...}

A model has no plan. The scenario begins with fully sharded replicas and full recomputation. Weights that parsim counts
otherwise are listed with their number, so that both counts can be compared. Facts: the models and configurations of
github huggingface/transformers, 2023 to 2025, and published checkpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from parsim.core.errors import ScenarioError
from parsim.core.suggestions import did_you_mean
from parsim.formats.config import config_of
from parsim.formats.described import Described
from parsim.formats.found import Found, Input, On, Said, by_section, cluster
from parsim.formats.hugging_face_models import FAMILIES

KIND = "config.json of Hugging Face"
LONGEST = 8192  # tokens of a sequence, unless the model takes fewer
QUIET = re.compile(
    r"_.*|architectures|.*_token_id|torch_dtype|dtype|transformers_version|use_cache|initializer_.*|auto_map|"
    r"layer_norm_eps(ilon)?|norm_eps|rms_norm_eps|rope_.*|rotary_emb_.*|rotary_pct|rotary_ndims|"
    r"partial_rotary_factor|task_specific_params|gradient_checkpointing|output_.*|pretraining_tp|summary_.*|prefix|"
    r"position_embedding_type|pad_.*|model_type|hidden_act|torchscript|id2label|label2id|is_.*|reorder_.*|scale_.*|"
    r"attention_softmax_in_fp32|masked_softmax_fusion|bias_dropout_fusion|apply_residual.*|slow_but_exact|"
    r"unk_.*|offset_alibi|skip_bias_add.*|layerdrop|activation_dropout|gelu_.*|init_std|dense_act_fn|router_.*|"
    r"n_ctx|max_window_layers|classifier_dropout|relative_attention_max_distance|dropout_rate_.*"
)


def recognised(text: str) -> bool:
    """Return whether a text is a configuration of Hugging Face."""
    return text.lstrip().startswith("{") and '"model_type"' in text


def read(source: Input, on: On) -> Found:
    """Read a configuration."""
    config = config_of(source)
    kind = config.text("model_type")
    if kind not in FAMILIES and not config.faults:
        config.refuse("model_type", did_you_mean(kind, FAMILIES, "model_type"))
    if config.faults:
        raise ScenarioError(config.faults)
    described = FAMILIES[kind](config)
    if config.faults:
        raise ScenarioError(config.faults)
    devices = (on.nodes or 1) * on.per_node
    source_of = f"--on: {on.nodes} x {on.per_node}" if on.nodes else "one node; --on 4xdgx-h100 says more"
    made = cluster(on, Said(devices, source_of)) | _workload(described, devices) | _plan(devices)
    unread, quiet = config.left(QUIET)
    tries = _tries(described.values, devices)
    return Found(by_section(made), described.notes, unread, quiet, tries, described.differences)


def _workload(described: Described, devices: int) -> dict[str, Said]:
    made = {"kind": Said(described.kind, ""), **described.values}
    sequence = described.positions
    if sequence.value > LONGEST:
        sequence = Said(LONGEST, f"{sequence.source}; a shorter one to begin with", sequence.at)
    made |= {"sequence": sequence, "batch": Said(devices, "one for each device")}
    made["optimizer"] = Said("adam", "not in the file")
    return {f"workload.{key}": said for key, said in made.items()}


def _plan(devices: int) -> dict[str, Said]:
    """Return a plan to begin with."""
    return {
        "plan.data": Said(devices, "one replica on each device"),
        "plan.microbatch_size": Said(1, "not in the file"),
        "plan.sharding": Said("fsdp", "replicas share weights, gradients and the optimizer's state"),
        "plan.recompute": Said("full", "only the input of a block is kept; none is faster, if it fits"),
    }


def _tries(values: Mapping[str, Said], devices: int) -> tuple[str, ...]:
    """Return other plans that the model's sizes allow."""
    found, pairs = ["--set plan.recompute=none", "--set plan.sharding=zero1"], devices // 2
    groups = values.get("key_value_heads", values["heads"]).value
    if pairs and values["heads"].value % 2 == 0 and (groups % 2 == 0 or groups == 1):
        found.append(f"--set plan.tensor=2 --set plan.data={pairs}")
    if pairs:
        found.append(f"--set plan.pipeline=2 --set plan.data={pairs} --set workload.batch={4 * pairs}")
    if "experts" in values and devices % values["experts"].value == 0:
        found.append(f"--set plan.expert={values['experts'].value}")
    return tuple(found)
