"""The models of torchtitan by name and flavor: llama3, and its small ones for tests.

The hidden width of an MLP is 8/3 of the width, times a multiplier, rounded up to a multiple, as Llama's authors do.
"""

from __future__ import annotations

from typing import Any


def hidden(width: int, multiplier: float, multiple: int) -> int:
    """Return the hidden width of an MLP.

    >>> hidden(4096, 1.3, 1024), hidden(8192, 1.3, 4096), hidden(16384, 1.2, 4096)
    (14336, 28672, 53248)
    """
    return -(-int(multiplier * int(8 * width / 3)) // multiple) * multiple


def _llama(width: int, blocks: int, heads: tuple[int, int], wide: int, vocabulary: int = 128256) -> dict[str, Any]:
    """Return a model; *heads* are those of queries, and of keys and values."""
    return {
        "vocabulary": vocabulary,
        "width": width,
        "blocks": blocks,
        "heads": heads[0],
        "key_value_heads": heads[1],
        "hidden": wide,
        "activation": "swiglu",
        "norm": "rmsnorm",
        "positions": "rotary",
    }


LLAMA3 = {
    "debugmodel": _llama(256, 6, (16, 16), hidden(256, 1.0, 256), 2048),
    "8B": _llama(4096, 32, (32, 8), hidden(4096, 1.3, 1024)),
    "70B": _llama(8192, 80, (64, 8), hidden(8192, 1.3, 4096)),
    "405B": _llama(16384, 126, (128, 8), hidden(16384, 1.2, 4096)),
}
LLAMA2 = {
    "7B": _llama(4096, 32, (32, 32), hidden(4096, 1.0, 256), 32000),
    "13B": _llama(5120, 40, (40, 40), hidden(5120, 1.0, 256), 32000),
    "70B": _llama(8192, 80, (64, 8), hidden(8192, 1.3, 4096), 32000),
}
FLAVORS: dict[str, dict[str, dict[str, Any]]] = {"llama2": LLAMA2, "llama3": LLAMA3}
