"""The model that flags of Megatron-LM describe.

--hidden-size 4096 --num-layers 32 --num-attention-heads 32 --swiglu ...    ->    workload: {kind: transformer, ...}
"""

from __future__ import annotations

from typing import Any

from parsim.formats.flags import Flags
from parsim.formats.found import Said

GPT2 = 50257  # tokens of GPT-2's tokenizer
VOCABULARIES = {"GPT2BPETokenizer": GPT2, "Llama2Tokenizer": 32000, "BertWordPieceLowerCase": 30522}
NEEDED = {"--num-layers": 32, "--hidden-size": 4096, "--num-attention-heads": 32, "--seq-length": 2048}
DEFAULT = "Megatron's default"
POSITIONS = ("learned_absolute", "rope", "yarn", "mrope", "none", "relative", "alibi")
NORMS, BACKENDS = ("LayerNorm", "RMSNorm"), ("auto", "flash", "fused", "unfused", "local")
NOT_GPT = ("pretrain_t5", "pretrain_vlm", "pretrain_mamba", "pretrain_retro", "pretrain_vision", "pretrain_hybrid")


def model(flags: Flags, launcher: str) -> tuple[dict[str, Said], list[str]]:
    """Return the workload's values, and what differs from the model."""
    for name in NOT_GPT:
        if name in launcher:
            why = f"{name}.py trains a model that init does not read; it reads those of pretrain_gpt and pretrain_bert"
            flags.refuse("--num-layers", why)
    for name, example in NEEDED.items():
        if not flags.count(name) and not flags.refused(name):
            flags.refuse(name, f"is needed, and its value is not in the file; write for example '{name} {example}'")
    reader = _Model(flags, bert="pretrain_bert" in launcher)
    return reader.values(), reader.notes


class _Model:
    """Reads a model, and collects what differs."""

    def __init__(self, flags: Flags, bert: bool) -> None:
        self.flags, self.bert = flags, bert
        self.notes: list[str] = []
        self.experts = flags.count("--num-experts")

    def values(self) -> dict[str, Said]:
        made = self._sizes() | (self._mixture() if self.experts else self._parts())
        kind = Said("mixture" if self.experts else "transformer", "--num-experts" if self.experts else "")
        return {f"workload.{key}": said for key, said in {"kind": kind, **made}.items()} | {
            "workload.optimizer": self._optimizer(),
            "workload.precision": self._precision(),
        }

    def _sizes(self) -> dict[str, Said]:
        flags, names = self.flags, list(NEEDED)
        blocks, width, heads, sequence = (
            flags.said(name, flags.count(name)) if name in flags else Said(0, "") for name in names
        )
        made = {"vocabulary": self._vocabulary(), "width": width, "blocks": blocks, "heads": heads}
        groups = flags.count("--num-query-groups")
        if groups and flags.on("--group-query-attention"):
            made["key_value_heads"] = flags.said("--num-query-groups", groups)
            if heads.value and heads.value % groups:
                why = f"{groups} groups do not divide {heads.value} heads; write a divisor of {heads.value}"
                flags.refuse("--num-query-groups", why)
        elif groups:
            self.notes.append("--num-query-groups has no effect without --group-query-attention.")
        own = flags.count("--kv-channels")
        if own and own * heads.value != width.value:
            made["head_width"] = flags.said("--kv-channels", own)
        made["hidden"] = self._hidden(width.value)
        made["sequence"] = sequence
        return made

    def _vocabulary(self) -> Said:
        flags = self.flags
        padded, stated = flags.count("--padded-vocab-size"), flags.count("--vocab-size")
        if padded:
            return flags.said("--padded-vocab-size", padded)
        tokenizer = flags.text("--tokenizer-type")
        size = stated or VOCABULARIES.get(tokenizer, GPT2)
        said = f"--vocab-size {stated}" if stated else f"--tokenizer-type {tokenizer}: {size}"
        if not stated and tokenizer not in VOCABULARIES:
            said = f"not in the file: {size} as GPT-2"
        if stated and tokenizer == "NullTokenizer":
            size, said = size + 1, f"{said}, one more by NullTokenizer"
        tensor = flags.count("--tensor-model-parallel-size") or 1
        by = flags.count("--make-vocab-size-divisible-by") or 128
        return Said(-(-size // (by * tensor)) * by * tensor, f"{said}; padded to {by} x tensor {tensor}")

    def _hidden(self, width: int) -> Said:
        flags, own = self.flags, self.flags.count("--ffn-hidden-size")
        expert = flags.count("--moe-ffn-hidden-size")
        if self.experts and expert:
            return flags.said("--moe-ffn-hidden-size", expert)
        if own:
            return flags.said("--ffn-hidden-size", own)
        if flags.on("--swiglu"):
            return Said(int(4 * width * 2 / 3 / 64) * 64, f"{DEFAULT} with --swiglu: 8/3 of the width, in steps of 64")
        return Said(4 * width, f"{DEFAULT}: 4 x the width")

    # -- parts

    def _parts(self) -> dict[str, Said]:
        flags = self.flags
        untied = flags.on("--untie-embeddings-and-output-weights")
        made = self._positions() | {"activation": self._activation(), "norm": self._norm()}
        plain = flags.on("--disable-bias-linear")
        made["biases"] = Said(not plain, "--disable-bias-linear" if plain else DEFAULT)
        made["tied"] = Said(not untied, "--untie-embeddings-and-output-weights" if untied else DEFAULT)
        if plain and flags.on("--add-qkv-bias"):
            self.notes.append("--add-qkv-bias: biases of queries, keys and values are not counted.")
        made |= self._dropout() | {"attention": self._attention()}
        if self.bert:
            made |= {"causal": Said(False, "pretrain_bert.py"), "head": Said("bert", "pretrain_bert.py")}
        return made

    def _mixture(self) -> dict[str, Said]:
        flags = self.flags
        top = flags.count("--moe-router-topk")
        made = {
            "experts": flags.said("--num-experts", self.experts),
            "top": flags.said("--moe-router-topk", top) if top else Said(2, DEFAULT),
        }
        capacity = flags.number("--moe-expert-capacity-factor")
        if capacity:
            made["capacity"] = flags.said("--moe-expert-capacity-factor", capacity)
        assumed = {
            "SwiGLU": flags.on("--swiglu"),
            "RMSNorm": self._norm().value == "rmsnorm",
            "rotary positions": self._positions()["positions"].value == "rotary",
            "no biases": flags.on("--disable-bias-linear"),
            "an output of its own": flags.on("--untie-embeddings-and-output-weights"),
            "no dropout": not self._dropout(),
        }
        other = [part for part, there in assumed.items() if not there]
        if other:
            self.notes.append(f"A mixture has {', '.join(other)} in parsim; the flags say otherwise.")
        self._attention()
        if flags.text("--moe-layer-freq") not in ("", "1"):
            self.notes.append("--moe-layer-freq: every block has experts in parsim.")
        return made

    def _positions(self) -> dict[str, Said]:
        flags = self.flags
        kind = flags.choice("--position-embedding-type", POSITIONS)
        rotary = flags.on("--use-rotary-position-embeddings")
        without = flags.on("--no-position-embedding")
        most = flags.count("--max-position-embeddings")
        sequence = flags.count("--seq-length")
        if most and most < sequence:
            why = f"{most} positions are fewer than the {sequence} tokens of --seq-length; write at least {sequence}"
            flags.refuse("--max-position-embeddings", why)
        if kind in ("rope", "yarn", "mrope") or (rotary and not kind):
            name = "--position-embedding-type" if kind else "--use-rotary-position-embeddings"
            return {"positions": flags.said(name, "rotary")}
        if kind in ("none", "relative", "alibi") or (without and not kind):
            if kind in ("relative", "alibi"):
                self.notes.append(f"--position-embedding-type {kind}: what it adds to scores is not counted.")
            return {"positions": flags.said("--position-embedding-type" if kind else "--no-position-embedding", "none")}
        made = {"positions": Said("learned", f"--position-embedding-type {kind}" if kind else DEFAULT)}
        if most:
            made["context"] = flags.said("--max-position-embeddings", most)
        return made

    def _activation(self) -> Said:
        flags = self.flags
        if flags.on("--swiglu"):
            return flags.said("--swiglu", "swiglu")
        if flags.on("--quick-geglu"):
            return flags.said("--quick-geglu", "geglu")
        if flags.on("--squared-relu"):
            return flags.said("--squared-relu", "relu")
        return Said("gelu", DEFAULT)

    def _norm(self) -> Said:
        kind = self.flags.choice("--normalization", NORMS)
        if kind == "RMSNorm":
            return self.flags.said("--normalization", "rmsnorm")
        return Said("layernorm", "--normalization LayerNorm" if kind else DEFAULT)

    def _dropout(self) -> dict[str, Said]:
        names = ("--hidden-dropout", "--attention-dropout")
        hidden, attention = (0.1 if (own := self.flags.number(name)) is None else own for name in names)
        if hidden != attention:
            self.notes.append(f"Dropout is {hidden:g} everywhere in parsim; --attention-dropout is {attention:g}.")
        if not hidden:
            return {}
        return {"dropout": Said(hidden, "--hidden-dropout" if "--hidden-dropout" in self.flags else DEFAULT)}

    def _attention(self) -> Said:
        flags = self.flags
        backend, local = flags.choice("--attention-backend", BACKENDS), flags.text("--transformer-impl") == "local"
        flash = flags.on("--use-flash-attn")
        if backend in ("unfused", "local"):
            return flags.said("--attention-backend", "plain")
        if local and not flash and not backend:
            return flags.said("--transformer-impl", "plain")
        source = f"--attention-backend {backend}" if backend else "--use-flash-attn" if flash else DEFAULT
        return Said("flash", source)

    # -- training

    def _optimizer(self) -> Said:
        kind = self.flags.text("--optimizer")
        if kind not in ("", "adam", "sgd"):
            self.notes.append(f"--optimizer {kind}: adam is simulated.")
        return self.flags.said("--optimizer", kind) if kind in ("adam", "sgd") else Said("adam", DEFAULT)

    def _precision(self) -> Said:
        flags = self.flags
        fp16, bf16 = flags.on("--fp16"), flags.on("--bf16")
        if fp16 and bf16:
            flags.refuse("--fp16", "contradicts --bf16; a training has one of them, so leave one out")
        name, other = ("bf16", "--bf16") if bf16 else ("fp16", "--fp16") if fp16 else ("", "neither --bf16 nor --fp16")
        if not name:
            return Said("fp32", other)
        made: dict[str, Any] = {"preset": f"{name}-mixed"}
        eight = flags.any("--fp8-format", "--fp8", "--fp8-hybrid", "--fp8-e4m3", "--fp8-param-gather")
        if eight:
            made, other = {"preset": "fp8-mixed"}, f"{other} {flags.said(eight, 0).source}"
            self.notes.append(f"{eight}: all products with weights are in fp8, and weights take one byte.")
        short = flags.on("--grad-reduce-in-bf16")
        if bf16 and not short:
            return Said(made | {"gradients": "fp32"}, f"{other}, whose gradients are added up in fp32")
        if fp16 and flags.on("--accumulate-allreduce-grads-in-fp32"):
            return Said(made | {"gradients": "fp32"}, f"{other} --accumulate-allreduce-grads-in-fp32")
        return Said(made["preset"], f"{other} --grad-reduce-in-bf16" if short else other)
