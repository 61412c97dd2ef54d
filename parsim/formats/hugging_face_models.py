"""Models of Hugging Face as workloads, by `model_type`, with the weights that parsim counts otherwise.

llama, mistral, qwen2, qwen3, gemma    RMSNorm, gated MLP, rotary positions, shared keys and values
mixtral                                the same with experts
gpt2, opt, bloom, gpt_neox, phi        LayerNorm, biases; positions learned, rotary, or as biases of scores (bloom)
falcon                                 LayerNorm, no biases, few heads of keys and values
bert, t5                               an encoder; an encoder and a decoder
"""

from __future__ import annotations

from collections.abc import Callable

from parsim.formats.config import Config
from parsim.formats.described import Described, Reader
from parsim.formats.found import Said

GELU = ("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "gelu_10")
GATED = {"silu": "swiglu", "swish": "swiglu"} | dict.fromkeys(GELU, "geglu")
PLAIN = {"relu": "relu"} | dict.fromkeys(GELU, "gelu")
BESIDE = (
    "attention and MLP of a block stand side by side in the model, and one behind the other here: the same products, "
    "but twice as many exchanges between tensor ranks"
)
NOT_COUNTED, COUNTED = "which are not counted", "which are counted"


def _sizes(of: Reader, blocks: tuple[str, ...], heads: tuple[str, ...]) -> tuple[int, int, int]:
    """Read vocabulary, width, blocks and heads; return the last three."""
    of.count("vocabulary", "vocab_size")
    width = of.count("width", "hidden_size", "n_embd", "n_embed", "d_model")
    return width, of.count("blocks", *blocks), of.count("heads", *heads)


def _usual(of: Reader) -> tuple[int, int, int]:
    return _sizes(of, ("num_hidden_layers", "n_layer"), ("num_attention_heads", "n_head"))


def _positions(of: Reader, most: int = 2048) -> Said:
    return of.config.count("max_position_embeddings", "n_positions", "n_ctx", "seq_length", default=most)


# -- RMSNorm, gated MLP, rotary positions


def _llama(config: Config) -> Described:
    of, kind = Reader(config), config.text("model_type")
    mixture, gemma = kind == "mixtral", kind == "gemma"
    width, blocks, heads = _usual(of)
    groups = of.count("key_value_heads", "num_key_value_heads", default=heads)
    own = config.count("head_dim", default={"qwen3": 128, "gemma": 256}.get(kind, max(width // heads, 1)))
    if own.value * heads != width:
        of.values["head_width"] = own
    of.count("hidden", "intermediate_size")
    if mixture:
        of.count("experts", "num_local_experts", default=8)
        of.count("top", "num_experts_per_tok", default=2)
        if config.on("tie_word_embeddings", False):
            of.notes.append("tie_word_embeddings true: the output of a mixture has a table of its own here.")
    else:
        key = "hidden_activation" if "hidden_activation" in config else "hidden_act"
        of.activation(key, "gelu_pytorch_tanh" if gemma else "silu", GATED)
        of.parts(norm="rmsnorm", positions="rotary")
        of.tie(gemma)
    _biases(of, kind, (width, own.value * heads, own.value * groups), blocks)
    if kind == "qwen3":
        of.differ(f"norms of queries and keys, {NOT_COUNTED}", 2 * own.value * blocks)
    positions = _positions(of)
    _window(of, positions)
    config.number("attention_dropout", 0.0)
    return of.made("mixture" if mixture else "transformer", positions)


def _biases(of: Reader, kind: str, widths: tuple[int, int, int], blocks: int) -> None:
    """Count the biases of attention and MLP, which parsim has in all linear layers or in none."""
    width, queries, keys = widths
    attention = of.config.on("attention_bias", False)
    if kind == "qwen2" or attention:
        of.differ(f"biases of queries, keys and values, {NOT_COUNTED}", (queries + 2 * keys) * blocks)
    if attention:
        of.differ(f"biases behind attention, {NOT_COUNTED}", width * blocks)
    if of.config.on("mlp_bias", False):
        of.differ(f"biases of the MLP, {NOT_COUNTED}", (2 * int(of.values["hidden"].value) + width) * blocks)


def _window(of: Reader, positions: Said) -> None:
    window, used = of.config.get("sliding_window"), of.config.on("use_sliding_window", True)
    if isinstance(window, int) and used and window < positions.value:
        of.notes.append(f"sliding_window {window}: a token attends to all tokens before it here.")


# -- LayerNorm and biases


def _gpt2(config: Config) -> Described:
    of = Reader(config)
    width, _, _ = _usual(of)
    of.count("hidden", "n_inner", default=4 * width)
    of.activation("activation_function", "gelu_new", PLAIN)
    of.parts(norm="layernorm", positions="learned", biases=True)
    of.values["context"] = _positions(of, 1024)
    of.tie(True)
    of.dropout("resid_pdrop", "attn_pdrop", "embd_pdrop")
    return of.made("transformer", of.values["context"])


def _opt(config: Config) -> Described:
    of = Reader(config)
    width, _, _ = _usual(of)
    of.count("hidden", "ffn_dim")
    of.activation("activation_function", "relu", PLAIN)
    of.parts(norm="layernorm", positions="learned")
    if not config.on("do_layer_norm_before", True):
        of.values["norm_place"] = config.said("do_layer_norm_before", "after")
        of.differ(f"gain and bias of a norm behind the embedding, {COUNTED}", -2 * width)
    positions = _positions(of)
    of.values["context"] = Said(positions.value + 2, f"{positions.source}, and 2 more", positions.at)
    of.values["biases"] = config.part("enable_bias", config.on("enable_bias", True))
    of.tie(True)
    of.dropout("dropout", "attention_dropout")
    narrow, rows = int(config.count("word_embed_proj_dim", default=width).value), int(of.values["vocabulary"].value)
    if narrow != width:
        saved = (narrow - width) * rows + 2 * narrow * width
        of.differ(f"an embedding of {narrow} numbers a token, and products from it and to it", saved)
    return of.made("transformer", positions)


def _bloom(config: Config) -> Described:
    of = Reader(config)
    width, _, _ = _usual(of)
    of.parts(activation="gelu", norm="layernorm", positions="none", biases=True)
    of.tie(True)
    of.dropout("hidden_dropout", "attention_dropout")
    of.differ(f"gain and bias of a norm behind the embedding, {NOT_COUNTED}", 2 * width)
    of.notes.append("model_type bloom: what positions add to scores (ALiBi) is not counted.")
    return of.made("transformer", _positions(of))


def _neox(config: Config) -> Described:
    of = Reader(config)
    width, _, _ = _usual(of)
    of.count("hidden", "intermediate_size", default=4 * width)
    of.activation("hidden_act", "gelu", PLAIN)
    of.parts(norm="layernorm", positions="rotary")
    of.values["biases"] = config.part("attention_bias", config.on("attention_bias", True))
    of.tie(False)
    of.dropout("hidden_dropout", "attention_dropout")
    if config.on("use_parallel_residual", True):
        of.notes.append(f"use_parallel_residual: {BESIDE}.")
    return of.made("transformer", _positions(of))


def _phi(config: Config) -> Described:
    of = Reader(config)
    width, blocks, heads = _usual(of)
    of.count("key_value_heads", "num_key_value_heads", default=heads)
    of.count("hidden", "intermediate_size", default=4 * width)
    of.activation("hidden_act", "gelu_new", PLAIN)
    of.parts(norm="layernorm", positions="rotary", biases=True)
    of.tie(False)
    of.dropout("resid_pdrop", "attention_dropout", "embd_pdrop")
    of.differ("the bias of the output, which is not counted", int(of.values["vocabulary"].value))
    of.differ(f"gain and bias of a second norm of each block, {COUNTED}", -2 * width * blocks)
    if config.on("qk_layernorm", False):
        of.differ(f"norms of queries and keys, {NOT_COUNTED}", 4 * (width // heads) * blocks)
    of.notes.append(f"model_type phi: {BESIDE}.")
    return of.made("transformer", _positions(of))


def _falcon(config: Config) -> Described:
    of = Reader(config)
    width, blocks, heads = _usual(of)
    new, alone = config.on("new_decoder_architecture", False), config.on("multi_query", True)
    groups = config.count("num_kv_heads", "n_head_kv", default=heads)
    of.values["key_value_heads"] = groups if new else config.part("multi_query", 1 if alone else heads)
    of.count("hidden", "ffn_hidden_size", default=4 * width)
    of.activation("activation", "gelu", PLAIN)
    of.parts(norm="layernorm")
    alibi = config.on("alibi", False)
    of.values["positions"] = config.part("alibi", "none" if alibi else "rotary")
    if alibi:
        of.notes.append("alibi true: what positions add to scores is not counted.")
    of.values["biases"] = config.part("bias", config.on("bias", False))
    of.tie(True)
    of.dropout("hidden_dropout", "attention_dropout")
    if config.on("parallel_attn", True) or new:
        of.notes.append(f"parallel_attn: {BESIDE}.")
        if not new or config.count("num_ln_in_parallel_attn", default=2).value == 1:
            of.differ(f"gain and bias of a second norm of each block, {COUNTED}", -2 * width * blocks)
    return of.made("transformer", _positions(of))


# -- encoders


def _bert(config: Config) -> Described:
    of = Reader(config)
    width, _, _ = _usual(of)
    of.count("hidden", "intermediate_size", default=4 * width)
    of.activation("hidden_act", "gelu", PLAIN)
    of.parts(norm="layernorm", norm_place="after", positions="learned")
    of.values["context"] = _positions(of, 512)
    of.parts(causal=False, biases=True, tied=True, head="bert")
    of.dropout("hidden_dropout_prob", "attention_probs_dropout_prob")
    types, rows = int(config.count("type_vocab_size", default=2).value), int(of.values["vocabulary"].value)
    of.differ("rows of the table of sentence types", (types - 2) * width)
    names = str(config.get("architectures", ""))
    pairs, pooler, words = 2 * width + 2, width * width + width, width * width + 3 * width + rows
    if "BertForMaskedLM" in names:
        of.differ(f"pooler and classifier of sentence pairs, {COUNTED}", -pooler - pairs)
    elif "BertModel" in names:
        of.differ(f"the head of masked tokens and the classifier of sentence pairs, {COUNTED}", -words - pairs)
    return of.made("transformer", of.values["context"])


def _t5(config: Config) -> Described:
    of = Reader(config)
    width, blocks, heads = _sizes(of, ("num_layers",), ("num_heads",))
    decoder = config.count("num_decoder_layers", default=blocks).value
    if decoder != blocks and not config.refused("num_layers", "num_decoder_layers"):
        why = f"{decoder} blocks of the decoder, and the encoder has {blocks}; parsim plays as many of both"
        config.refuse("num_decoder_layers", why)
    of.count("head_width", "d_kv", default=64)
    of.count("hidden", "d_ff", default=4 * width)
    gated = {f"gated-{name}": function for name, function in GATED.items()}
    of.activation("feed_forward_proj", "relu", PLAIN | gated)
    of.parts(norm="rmsnorm", positions="relative")
    tied = of.tie(True)
    of.dropout("dropout_rate")
    if not tied:
        rows = int(of.values["vocabulary"].value)
        of.differ("an embedding of the decoder's own, which is counted", -rows * width)
    buckets = int(config.count("relative_attention_num_buckets", default=32).value)
    of.differ("rows of the two tables of relative positions", 2 * (buckets - 32) * heads)
    return of.made("encoder_decoder", config.count("n_positions", default=512))


FAMILIES: dict[str, Callable[[Config], Described]] = {
    "bert": _bert,
    "bloom": _bloom,
    "falcon": _falcon,
    "gpt2": _gpt2,
    "gpt_neox": _neox,
    "opt": _opt,
    "phi": _phi,
    "t5": _t5,
    **dict.fromkeys(("gemma", "llama", "mistral", "mixtral", "qwen2", "qwen3"), _llama),
}
