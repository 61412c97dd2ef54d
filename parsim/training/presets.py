"""Published transformers: their dimensions, each with its source.

A value of a preset is a parameter of the same name of `transformer`, or of `encoder_decoder`. GPT-3 is as in table 2.1
of its paper, but for the width of the 13B model, which is printed as 5140: 40 heads of 128 are 5120. Megatron's models
are those of table 1 of Narayanan et al., with GPT-2's parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

GPT2 = "Radford et al., Language Models are Unsupervised Multitask Learners, 2019; OpenAI's checkpoint"
GPT3 = "Brown et al., Language Models are Few-Shot Learners, NeurIPS 2020, table 2.1"
MEGATRON = "Narayanan et al., Efficient Large-Scale Language Model Training on GPU Clusters, SC 2021, table 1"
LLAMA2 = "Touvron et al., Llama 2, 2023; config.json of Meta's checkpoint"
LLAMA3 = "Dubey et al., The Llama 3 Herd of Models, 2024, table 3; config.json of Meta's checkpoint"
VOCABULARIES = {LLAMA2: 32000, LLAMA3: 128256}
BERT = "Devlin et al., BERT, NAACL 2019; Google's uncased checkpoint"

VASWANI = "Vaswani et al., Attention Is All You Need, NeurIPS 2017, table 3, with a shared table of 37000 tokens"
MIXTRAL = "Jiang et al., Mixtral of Experts, 2024, table 1; config.json of Mistral's checkpoint Mixtral-8x7B-v0.1"
MIXTRAL_LARGE = "config.json of Mistral's checkpoint Mixtral-8x22B-v0.1, 2024; v0.3 has a vocabulary of 32768"
T5 = "Raffel et al., Exploring the Limits of Transfer Learning, JMLR 21, 2020; Google's checkpoint of T5 1.0"


class Preset(NamedTuple):
    """A published model."""

    values: Mapping[str, Any]
    source: str

    def __str__(self) -> str:
        """Describe the model in a line."""
        return f"{self.values['blocks']} blocks of width {self.values['width']}. {self.source}."


def _gpt(blocks: int, width: int, heads: int, vocabulary: int, context: int, source: str) -> Preset:
    """Return a model with GPT-2's parts: learned positions, biases, gelu, tied embeddings, dropout."""
    sizes = {"vocabulary": vocabulary, "context": context, "sequence": context}
    shape = {"blocks": blocks, "width": width, "heads": heads}
    parts = {"positions": "learned", "biases": True, "tied": True, "dropout": 0.1, "attention": "plain"}
    return Preset(sizes | shape | parts, source)


def _llama(blocks: int, width: int, heads: tuple[int, int], hidden: int, sequence: int, source: str) -> Preset:
    """Return a model with Llama's parts: rotary positions, RMSNorm, SwiGLU.

    Parameters
    ----------
    heads : of queries, and of keys and values.
    """
    sizes = {"vocabulary": VOCABULARIES[source], "sequence": sequence, "hidden": hidden}
    shape = {"blocks": blocks, "width": width, "heads": heads[0], "key_value_heads": heads[1]}
    return Preset(sizes | shape | {"positions": "rotary", "norm": "rmsnorm", "activation": "swiglu"}, source)


def _bert(blocks: int, width: int, heads: int) -> Preset:
    """Return an encoder: norms after the sums, all positions see each other, a head that predicts masked tokens."""
    shape = {"blocks": blocks, "width": width, "heads": heads, "vocabulary": 30522, "context": 512, "sequence": 512}
    parts = {"positions": "learned", "biases": True, "tied": True, "dropout": 0.1, "attention": "plain"}
    return Preset(shape | parts | {"causal": False, "norm_place": "after", "head": "bert"}, BERT)


PRESETS = {
    "gpt2-124m": _gpt(12, 768, 12, 50257, 1024, GPT2),
    "gpt2-355m": _gpt(24, 1024, 16, 50257, 1024, GPT2),
    "gpt2-774m": _gpt(36, 1280, 20, 50257, 1024, GPT2),
    "gpt2-1.5b": _gpt(48, 1600, 25, 50257, 1024, GPT2),
    "gpt3-1.3b": _gpt(24, 2048, 16, 50257, 2048, GPT3),
    "gpt3-2.7b": _gpt(32, 2560, 32, 50257, 2048, GPT3),
    "gpt3-6.7b": _gpt(32, 4096, 32, 50257, 2048, GPT3),
    "gpt3-13b": _gpt(40, 5120, 40, 50257, 2048, GPT3),
    "gpt3-175b": _gpt(96, 12288, 96, 50257, 2048, GPT3),
    "megatron-1.7b": _gpt(24, 2304, 24, 51200, 2048, MEGATRON),
    "megatron-3.6b": _gpt(30, 3072, 32, 51200, 2048, MEGATRON),
    "megatron-7.5b": _gpt(36, 4096, 32, 51200, 2048, MEGATRON),
    "megatron-18.4b": _gpt(40, 6144, 48, 51200, 2048, MEGATRON),
    "megatron-39.1b": _gpt(48, 8192, 64, 51200, 2048, MEGATRON),
    "megatron-76.1b": _gpt(60, 10240, 80, 51200, 2048, MEGATRON),
    "megatron-145.6b": _gpt(80, 12288, 96, 51200, 2048, MEGATRON),
    "megatron-310.1b": _gpt(96, 16384, 128, 51200, 2048, MEGATRON),
    "megatron-529.6b": _gpt(105, 20480, 128, 51200, 2048, MEGATRON),
    "megatron-1t": _gpt(128, 25600, 160, 51200, 2048, MEGATRON),
    "llama2-7b": _llama(32, 4096, (32, 32), 11008, 4096, LLAMA2),
    "llama2-13b": _llama(40, 5120, (40, 40), 13824, 4096, LLAMA2),
    "llama2-70b": _llama(80, 8192, (64, 8), 28672, 4096, LLAMA2),
    "llama3-8b": _llama(32, 4096, (32, 8), 14336, 8192, LLAMA3),
    "llama3-70b": _llama(80, 8192, (64, 8), 28672, 8192, LLAMA3),
    "llama3-405b": _llama(126, 16384, (128, 8), 53248, 8192, LLAMA3),
    "bert-base": _bert(12, 768, 12),
    "bert-large": _bert(24, 1024, 16),
}


def _vaswani(width: int, heads: int, hidden: int, dropout: float) -> Preset:
    """Return a model of six blocks in each stack; WMT 2014 has about 27 tokens in a sentence.

    Its MLPs have biases, by the paper's formula (2), and its attention has none, by section 3.2.2.
    """
    shape = {"blocks": 6, "width": width, "heads": heads, "hidden": hidden}
    parts = {"norm": "layernorm", "norm_place": "after", "positions": "sinusoidal", "biases": "mlp"}
    return Preset(shape | parts | {"vocabulary": 37000, "sequence": 32, "dropout": dropout}, VASWANI)


def _t5(blocks: int, width: int, heads: int, head_width: int, hidden: int) -> Preset:
    """Return a model with T5's parts; of 512 tokens with spans left out, the target has 114."""
    shape = {"blocks": blocks, "width": width, "heads": heads, "head_width": head_width, "hidden": hidden}
    parts = {"norm": "rmsnorm", "norm_place": "before", "positions": "relative", "biases": "none"}
    return Preset(shape | parts | {"vocabulary": 32128, "sequence": 512, "target_sequence": 114, "dropout": 0.1}, T5)


ENCODER_DECODERS = {
    "transformer-base": _vaswani(512, 8, 2048, 0.1),
    "transformer-big": _vaswani(1024, 16, 4096, 0.3),
    "t5-small": _t5(6, 512, 8, 64, 2048),
    "t5-base": _t5(12, 768, 12, 64, 3072),
    "t5-large": _t5(24, 1024, 16, 64, 4096),
    "t5-3b": _t5(24, 1024, 32, 128, 16384),
    "t5-11b": _t5(24, 1024, 128, 128, 65536),
}


def _mixtral(blocks: int, width: int, heads: int, hidden: int, sequence: int, source: str) -> Preset:
    """Return a model with Mixtral's parts: 8 experts, 2 for each token, and 8 heads of keys and values."""
    shape = {"blocks": blocks, "width": width, "heads": heads, "key_value_heads": 8, "hidden": hidden}
    return Preset(shape | {"experts": 8, "top": 2, "vocabulary": 32000, "sequence": sequence}, source)


MIXTURES = {
    "mixtral-8x7b": _mixtral(32, 4096, 32, 14336, 32768, MIXTRAL),
    "mixtral-8x22b": _mixtral(56, 6144, 48, 16384, 65536, MIXTRAL_LARGE),
}
