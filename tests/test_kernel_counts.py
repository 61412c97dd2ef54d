"""How a library computes kernels: products, bytes moved, kernels launched, and what is kept, against published sums."""

import math

import numpy as np
import pytest
from naive_kernels import kernel

from parsim.core.kernel import PARTS, Product
from parsim.core.precision import PRESETS

BF16, FP64 = PRESETS["bf16-mixed"], PRESETS["fp64"]
BACKWARD = PARTS[1:]
B, S, H, F, HEADS = 2, 128, 64, 192, 4
M, SCORES = B * S, B * HEADS * S * S


def block(gated=False, **attention):
    """Return the kernels of a block with dropout, each with its inputs and the shapes of its weights."""
    wide, square = (H,), ((H, H), (H,))
    drop = kernel("dropout_add", rate=0.1)
    attend = kernel("attention", heads=HEADS, dropout=0.1, **attention)
    up, down = ((H, F), (F,)), ((F, H), (H,))
    middle = [(kernel("affine"), "n2", up, "u"), (kernel("gelu"), "u", (), "g")]
    if gated:
        middle = [(kernel("affine"), "n2", up, name) for name in "uw"] + [(kernel("gated"), "u w", (), "g")]
    return [
        (kernel("layernorm"), "x", (wide, wide), "n1"),
        *((kernel("affine"), "n1", square, name) for name in "qkv"),
        (attend, "q k v", (), "a"),
        (kernel("affine"), "a", square, "o"),
        (drop, "x o", (), "r"),
        (kernel("layernorm"), "r", (wide, wide), "n2"),
        *middle,
        (kernel("affine"), "g", down, "d"),
        (drop, "r d", (), "y"),
    ]


def called(ops):
    """Yield each kernel of a block with the names of its inputs and the shapes of all its arrays."""
    for one, inputs, weights, _ in ops:
        names = inputs.split()
        yield one, names, [*((B, S, F if name in "uwg" else H) for name in names), *weights]


def moved(ops, *parts):
    return sum(one.moved(part, BF16, *shapes) for one, _, shapes in called(ops) for part in parts_of(one, parts))


def parts_of(one, parts):
    return [part for part in parts if one.weights or part != "weight_grad"]


def others(ops, *parts):
    """Return how many kernels are launched beside the products."""
    return sum(
        one.launches(part, *shapes) - len(one.products(part, *shapes))
        for one, _, shapes in called(ops)
        for part in parts_of(one, parts)
    )


def kept(ops):
    """Return the bytes that forward keeps for backward: each array that backward reads once, and what is saved."""
    read, saved = set(), 0
    for one, names, shapes in called(ops):
        read |= {names[at] for part in parts_of(one, BACKWARD) for at in one.reads(part, len(names))}
        saved += one.saved(BF16, *shapes)
    return 2 * sum(M * (F if name in "uwg" else H) for name in read) + saved


@pytest.mark.parametrize(("gated", "forward", "backward"), [(False, 4, 6), (True, 6, 10)])
def test_a_block_moves_what_korthikantis_way_of_counting_gives(gated, forward, backward):
    """22 M h: two norms of 4, two sums with dropout of 7; 8 M h: q, k, v, y by head; 9 and 13 bytes a score."""
    ops = block(gated, algorithm="plain")
    assert moved(ops, "forward") == 22 * M * H + 8 * M * H + forward * M * F + 9 * SCORES
    assert moved(ops, *BACKWARD) == 34 * M * H + 8 * M * H + backward * M * F + 13 * SCORES


def test_a_block_launches_8_and_12_kernels_beside_its_products():
    assert (others(block(algorithm="plain"), "forward"), others(block(algorithm="plain"), *BACKWARD)) == (8, 12)


def test_flash_attention_moves_its_arrays_alone():
    assert moved(block(), "forward") == (22 + 8) * M * H + 4 * M * F
    assert moved(block(), *BACKWARD) == (34 + 16) * M * H + 6 * M * F  # q, k, v, y, dy, dq, dk, dv


def test_a_block_keeps_what_korthikanti_et_al_say():
    """Equation 2 of Reducing Activation Recomputation, for a hidden width of 4 h: s b h (34 + 5 a s / h)."""
    of_width = 34 + 2 * 2 * (F / H - 4)
    assert kept(block(algorithm="plain")) == S * B * H * (of_width + 5 * HEADS * S / H)
    assert kept(block()) == S * B * H * of_width + 4 * B * HEADS * S  # a sum of exponentials per row and head


def test_only_plain_attention_is_worth_selective_recomputation():
    assert kernel("attention", algorithm="plain").selective
    assert not kernel("attention").selective
    assert not kernel("matmul").selective


# -- products


@pytest.mark.parametrize(
    ("entry", "part", "shapes", "expected"),
    [
        ("matmul", "forward", ((2, 3, 4), (4, 5)), (1, 6, 5, 4)),
        ("matmul", "input_grad", ((2, 3, 4), (4, 5)), (1, 6, 4, 5)),
        ("matmul", "weight_grad", ((2, 3, 4), (4, 5)), (1, 4, 5, 6)),
        ("affine", "weight_grad", ((2, 3, 4), (4, 5), (5,)), (1, 4, 5, 6)),
        ("conv2d", "forward", ((2, 3, 8, 8), (5, 3, 3, 3)), (1, 72, 5, 27)),
        ("conv2d", "input_grad", ((2, 3, 8, 8), (5, 3, 3, 3)), (1, 72, 27, 5)),
        ("conv2d", "weight_grad", ((2, 3, 8, 8), (5, 3, 3, 3)), (1, 27, 5, 72)),
    ],
)
def test_the_product_of_a_part(entry, part, shapes, expected):
    (product,) = kernel(entry).products(part, *shapes)
    assert product[:4] == expected
    assert product.flop <= kernel(entry).flops(part, *shapes)
    assert kernel(entry).moved(part, BF16, *shapes) == 0


def test_a_convolution_reads_an_image_once_though_windows_overlap():
    x, w = (2, 3, 8, 8), (5, 3, 3, 3)
    (product,) = kernel("conv2d").products("forward", x, w)
    assert product.numbers == math.prod(x) + math.prod(w) + 72 * 5
    assert Product(1, 72, 5, 27).numbers == 72 * 27 + math.prod(w) + 72 * 5


def test_products_of_plain_attention():
    one, arrays = kernel("attention", heads=HEADS, mask="none", algorithm="plain"), ((B, S, H), (B, 32, H), (B, 32, H))
    many, d = B * HEADS, H // HEADS
    assert [product[:4] for product in one.products("forward", *arrays)] == [(many, S, 32, d), (many, S, d, 32)]
    backward = one.products("input_grad", *arrays)
    assert [product[:4] for product in backward] == [
        (many, 32, d, S),
        (many, S, 32, d),
        (many, S, d, 32),
        (many, 32, d, S),
    ]


def test_flash_attention_computes_half_a_causal_square_and_counts_the_whole():
    arrays, square = ((B, S, H),) * 3, 4 * S**2 * H * B
    forward, backward = (kernel("attention", heads=HEADS).products(part, *arrays) for part in ("forward", "input_grad"))
    assert sum(product.flop for product in forward) == square
    assert sum(product.computed for product in forward) == square / 2
    assert sum(product.computed for product in backward) == 2.5 * square / 2
    assert sum(product.flop for product in backward if not product.again) == 2 * square
    assert all(product.fused and product.numbers == 0 for product in (*forward, *backward))
    whole = kernel("attention", heads=HEADS, mask="none").products("forward", *arrays)
    assert sum(product.computed for product in whole) == square


# -- single kernels, in bytes a number


@pytest.mark.parametrize(
    ("one", "inputs", "forward", "backward"),
    [
        (kernel("gelu"), 1, 4, 6),
        (kernel("relu"), 1, 4, 6),
        (kernel("gated"), 2, 6, 10),
        (kernel("rotary"), 1, 4, 4),
        (kernel("dropout_add"), 2, 6, 6),
        (kernel("dropout_add", rate=0.1), 2, 7, 11),
        (kernel("reduce"), 2, 6, 6),
        (kernel("reduce"), 3, 8, 12),
        (kernel("accumulate"), 2, 6, 6),
    ],
)
def test_bytes_of_kernels_without_weights(one, inputs, forward, backward):
    shapes = [(B, S, H)] * inputs
    assert one.moved("forward", BF16, *shapes) == forward * M * H
    assert one.moved("input_grad", BF16, *shapes) == backward * M * H


@pytest.mark.parametrize(("entry", "weights"), [("layernorm", 2), ("rmsnorm", 1)])
def test_bytes_of_norms(entry, weights):
    shapes = [(B, S, H)] + [(H,)] * weights
    assert [kernel(entry).moved(part, BF16, *shapes) for part in PARTS] == [4 * M * H, 6 * M * H, 0]
    assert [kernel(entry).launches(part, *shapes) for part in PARTS] == [1, 2, 0]


def test_bytes_of_tables_and_losses():
    table, positions, loss = kernel("embedding"), kernel("positions"), kernel("cross_entropy")
    shapes, rows, logits = ((B, S), (1000, H)), ((B, S, H), (S, H)), ((B, S, 1000), (B, S))
    assert [table.moved(part, BF16, *shapes) for part in ("forward", "weight_grad")] == [
        4 * M * H,
        4 * M * H + 2000 * H,
    ]
    assert [positions.moved(part, BF16, *rows) for part in PARTS] == [4 * M * H, 0, 2 * M * H + 2 * S * H]
    assert [loss.moved(part, BF16, *logits) for part in ("forward", "input_grad")] == [12 * M * 1000] * 2
    assert [loss.saved(precision, *logits) for precision in (BF16, FP64)] == [4 * M * 1000, 8 * M * 1000]
    assert list(loss.reads("input_grad", 2)) == [1]
    assert list(table.reads("weight_grad", 1)) == [0]


@pytest.mark.parametrize(
    ("entry", "precision", "a_weight"),
    [
        ("adam", "bf16-mixed", 2 + 2 * 4 + 2 * 8 + 2),
        ("adam", "fp32", 4 + 2 * 4 + 2 * 8),
        ("sgd", "bf16-mixed", 2 + 2 * 4 + 2),
        ("sgd", "fp64", 8 + 2 * 8),
    ],
)
def test_bytes_of_a_step(entry, precision, a_weight):
    one = kernel(entry)
    assert one.moved("forward", PRESETS[precision], (one.rows, 7), (7,)) == 7 * a_weight


def test_relative_positions_read_and_write_scores_and_are_not_computed():
    """Forward reads each score and writes its sum; backward reads the gradient of the scores for that of the table."""
    plain = kernel("attention", heads=HEADS, mask="none", algorithm="plain")
    relative = kernel("attention", heads=HEADS, mask="none", algorithm="plain", positions="relative")
    shapes = ((B, S, H),) * 3
    more = [relative.moved(part, BF16, *shapes) - plain.moved(part, BF16, *shapes) for part in PARTS[:2]]
    assert more == [2 * 2 * SCORES, 2 * SCORES]
    assert relative.launches("forward", *shapes) == plain.launches("forward", *shapes) + 1
    assert relative.saved(BF16, *shapes) == plain.saved(BF16, *shapes)
    with pytest.raises(NotImplementedError, match="relative positions"):
        relative.forward(*relative.sample(np.random.default_rng(1)))
