"""Every kernel against plain loops that count, differences, identities and published values; broken ones are found."""

import math
import pickle
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from naive_kernels import attention, attention_input, counted, drawn, kernel, like_loops, results
from naive_models import NAIVE

import parsim
from parsim.conformance import check_file, findings
from parsim.conformance.arrays import differences, parts, samples
from parsim.core.errors import Invalid
from parsim.core.kernel import PARTS, Kernel, is_class, run
from parsim.entries.function import made
from parsim.entries.registry import SHELVES, shelf
from parsim.kernels import kernels
from parsim.scenario.json_schema import json_schema
from parsim.scenario.schema import check

ENTRIES = list(kernels.entries())
NAIVE_PARTS = [(entry, part) for entry, naive in NAIVE.items() for part in naive]
FIVE = {
    "cluster": {"devices": 2},
    "workload": {"kind": "items", "data": [-1, 2, 3], "kernel": "relu", "merge": "sum"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}


# -- the whole shelf


def test_the_loops_know_every_kernel_and_every_part():
    assert list(NAIVE) == ENTRIES
    for entry in ENTRIES:
        assert list(NAIVE[entry]) == parts(next(samples(entry))), entry


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("entry", "part"), NAIVE_PARTS, ids="-".join)
def test_a_part_makes_what_plain_loops_make(entry, part, seed):
    one, arrays, grad = drawn(entry, seed)
    expected, _ = counted(NAIVE[entry][part], arrays if part == "forward" else (grad, *arrays))
    found = results(one, part, arrays, grad)
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("entry", "part"), NAIVE_PARTS, ids="-".join)
def test_flops_are_what_plain_loops_count(entry, part):
    one, arrays, grad = drawn(entry)
    _, done = counted(NAIVE[entry][part], arrays if part == "forward" else (grad, *arrays))
    assert one.flops(part, *map(np.shape, arrays)) == done


@pytest.mark.parametrize("mask", ["causal", "none"])
@pytest.mark.parametrize(("heads", "groups"), [(1, 1), (2, 2), (3, 3), (4, 2), (3, 1)])
def test_attention_of_several_heads(heads, groups, mask):
    one, arrays, grad = drawn("attention", heads=heads, key_value_heads=groups, mask=mask)
    like_loops(
        one, arrays, grad, partial(attention, heads, groups, mask), partial(attention_input, heads, groups, mask)
    )


@pytest.mark.parametrize("entry", ENTRIES)
def test_gradients_agree_with_differences(entry):
    for sample in samples(entry):
        inputs = len(sample.arrays) - sample.kernel.weights
        floats = [index for index in range(inputs) if sample.arrays[index].dtype.kind == "f"]
        which = {"input_grad": floats, "weight_grad": range(inputs, len(sample.arrays))}
        for part in parts(sample)[1:]:
            for index, gradient in zip(which[part], sample.run(part), strict=True):
                np.testing.assert_allclose(gradient, differences(sample, index), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_conformance_holds(entry):
    found = findings("kernels", entry)
    assert [one for one in found if one.broken] == []
    assert {"gradients against finite differences", "no part changes its arrays"} <= {x.case for x in found}


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_part_makes_numbers_of_another_kind(entry):
    one, arrays, grad = drawn(entry)
    for part in NAIVE[entry]:
        kind = int if entry == "shift" else float  # tokens stay whole numbers
        assert {array.dtype for array in results(one, part, arrays, grad)} == {np.dtype(kind)}


@pytest.mark.parametrize("entry", ENTRIES)
def test_larger_shapes_too(entry):
    """Nothing hangs on the shapes of the sample: each axis of length n becomes 2 n, a row of the state stays."""
    one, arrays, _ = drawn(entry)
    more = [np.repeat(a, 2, axis=a.ndim - 1) if entry in ("sgd", "adam") else _twice(a) for a in arrays]
    shape = one.shape(*map(np.shape, more))
    grad = np.ones(shape)
    assert np.shape(one.forward(*more)) == shape
    for part in NAIVE[entry]:
        assert all(np.isfinite(array).all() for array in results(one, part, more, grad))
        assert one.flops(part, *map(np.shape, more)) >= one.flops(part, *map(np.shape, arrays))


def _twice(array):
    for axis in range(array.ndim):
        array = np.repeat(array, 2, axis=axis)
    return array


WRONG = {
    "accumulate": [((2,), (3,)), ((2,),), ((2,), (2,), (2,)), ((2,), (1, 2))],
    "adam": [((3, 2), (2,)), ((4, 2), (3,)), ((4, 2),), ((2,), (2,))],
    "affine": [((2, 3), (3, 4), (3,)), ((2, 3), (2, 3), (3,)), ((), (2, 3), (3,)), ((2, 3), (3, 4))],
    "attention": [((1, 2, 3), (1, 2, 3), (1, 2, 4)), ((2, 3),) * 3, ((1, 2, 3),) * 2],
    "batchnorm": [((2, 3), (2,), (2,)), ((2, 3), (3,), (2,)), ((3,), (3,), (3,)), ((2, 3), (3,))],
    "combine": [((1, 3, 4), (1, 2, 3)), ((1, 4, 4), (1, 2, 1)), ((4, 4), (1, 2, 3)), ((1, 4, 4), (2, 3))],
    "concatenate": [((1, 2, 3), (1, 2, 4)), ((1, 2, 3), (2, 2, 3)), ((2, 3), (2, 3)), ((1, 2, 3),)],
    "conv2d": [((1, 2, 4, 4), (3, 1, 2, 2)), ((1, 2, 4, 1), (3, 2, 2, 2)), ((2, 4, 4), (3, 2, 2, 2)), ((1, 2, 4, 4),)],
    "cross_entropy": [((2, 3), (3,)), ((), ()), ((2, 3), (2, 3))],
    "dispatch": [((1, 2, 4), (1, 3, 3)), ((1, 2, 4), (1, 2, 1)), ((2, 4), (1, 2, 3)), ((1, 2, 4), (2, 3))],
    "double": [(), ((2,), (2,))],
    "dropout_add": [((2,), (3,)), ((2,),), ((2,), (1, 2))],
    "embedding": [((2,), (3,)), ((2,), (3, 4, 5))],
    "gated": [((2,), (3,)), ((2,),), ((2,), (1, 2))],
    "gelu": [(), ((2,), (2,))],
    "grouped": [
        ((1, 3, 4), (1, 2, 3), (3, 4, 5)),
        ((1, 4, 4), (1, 2, 3), (2, 4, 5)),
        ((1, 4, 4), (1, 2, 3), (3, 5, 4)),
        ((1, 4, 4), (2, 3), (3, 4, 5)),
    ],
    "layernorm": [((2, 3), (2,), (3,)), ((2, 3), (3,), (2,)), ((), (), ()), ((2, 3), (3,))],
    "matmul": [((2, 3), (2, 3)), ((), (2, 3)), ((2, 3), (3,))],
    "max_pool": [((1, 2, 1, 4),), ((2, 4, 4),), ()],
    "mean_pool": [((2, 4, 4),), ((1, 2, 0, 4),), ()],
    "positions": [((2, 6, 4), (5, 4)), ((2, 3, 4), (5, 3)), ((3, 4), (5, 4)), ((2, 3, 4), (4,))],
    "reduce": [((2,), (2,), (3,)), (), ((2,), (1, 2))],
    "relu": [(), ((2,), (2,))],
    "rmsnorm": [((2, 3), (2,)), ((), ()), ((2, 3),), ((2, 3), (3,), (3,))],
    "rotary": [((1, 2, 3),), ((2, 4),), ()],
    "segment": [((2, 3),), ((2, 0, 3),), ()],
    "sgd": [((2, 2), (2,)), ((1, 3), (2,)), ((2,), (2,))],
    "shift": [((2,),), ((2, 3, 4),), ()],
    "softmax": [((),), ()],
}


@pytest.mark.parametrize(("entry", "shapes"), [(entry, shapes) for entry in WRONG for shapes in WRONG[entry]])
def test_shapes_that_do_not_fit_are_refused(entry, shapes):
    assert list(WRONG) == ENTRIES
    with pytest.raises(ValueError, match=r"\w"):
        kernel(entry).shape(*shapes)


@pytest.mark.parametrize(
    ("one", "shapes", "told"),
    [
        (kernel("attention", heads=4), ((1, 2, 6),) * 3, "a width of 6 cannot be split into 4 equal heads"),
        (kernel("cross_entropy"), ((2, 3), (3,)), r"logits \(2, 3\) do not fit labels \(3,\)"),
        (kernel("reduce"), ((2,), (3,)), r"arrays of different shapes cannot be added: \(2,\), \(3,\)"),
        (kernel("adam"), ((1, 3), (3,)), r"a state \(1, 3\) does not fit a gradient \(3,\)"),
    ],
)
def test_the_message_names_the_shapes(one, shapes, told):
    with pytest.raises(ValueError, match=told):
        one.shape(*shapes)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_part_that_is_not_there_is_refused_or_makes_nothing(entry):
    one, arrays, grad = drawn(entry)
    for part in set(PARTS) - set(NAIVE[entry]):
        if part == "input_grad" and type(one).input_grad is Kernel.input_grad:
            with pytest.raises(NotImplementedError, match="has no gradient for its inputs"):
                run(one, part, (grad, *arrays))
        else:
            assert results(one, part, arrays, grad) == []


# -- bytes, by hand: 8 B a number


@pytest.mark.parametrize(
    ("entry", "part", "shapes", "numbers"),
    [
        ("matmul", "forward", ((2, 3), (3, 4)), 6 + 12 + 8),
        ("matmul", "input_grad", ((2, 3), (3, 4)), 6 + 12 + 8 + 6),
        ("matmul", "weight_grad", ((2, 3), (3, 4)), 6 + 12 + 8 + 12),
        ("reduce", "forward", ((5,), (5,), (5,)), 15 + 5),
        ("embedding", "forward", ((7,), (1000, 2)), 7 + 14 + 14),  # seven rows of the table, not a thousand
        ("embedding", "input_grad", ((7,), (1000, 2)), 0),
        ("embedding", "weight_grad", ((7,), (1000, 2)), 7 + 14 + 2000),
        ("cross_entropy", "forward", ((7, 3), (7,)), 21 + 7 + 7),
        ("cross_entropy", "input_grad", ((7, 3), (7,)), 21 + 7 + 7 + 21),
        ("adam", "forward", ((4, 5), (5,)), 20 + 5 + 20),
    ],
)
def test_bytes(entry, part, shapes, numbers):
    assert kernel(entry).bytes(part, *shapes) == 8 * numbers


# -- values from elsewhere, and identities


def test_softmax_stands_large_numbers_and_shifts():
    soft, x = kernel("softmax"), np.array([[0.0, 1.0, 2.0]])
    np.testing.assert_allclose(soft.forward(x + 1e4), soft.forward(x), rtol=1e-12)
    np.testing.assert_allclose(soft.forward(x).sum(-1), 1.0)
    assert np.abs(soft.input_grad(np.ones((1, 3)), x)[0]).max() < 1e-15  # what adds to all changes nothing


def test_gelu_is_near_x_times_the_normal_distribution():
    """The tanh form lies within 5e-4 of x Phi(x), and its slope is the product rule's."""
    gelu, x = kernel("gelu"), np.linspace(-5, 5, 201)
    exact = np.array([n * 0.5 * (1 + math.erf(n / math.sqrt(2))) for n in x])
    assert np.abs(gelu.forward(x) - exact).max() < 5e-4
    a, t = math.sqrt(2 / math.pi), np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    slope = 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * a * (1 + 3 * 0.044715 * x**2)
    np.testing.assert_allclose(gelu.input_grad(np.ones(201), x)[0], slope, rtol=1e-9, atol=1e-15)


def test_relu_at_the_kink():
    assert kernel("relu").input_grad(np.ones(3), np.array([-1.0, 0.0, 1.0]))[0].tolist() == [0, 0, 1]


def test_layernorm_makes_mean_0_and_spread_1():
    draw = np.random.default_rng(0)
    norm, x = kernel("layernorm", eps=1e-12), 5 + 3 * draw.standard_normal((4, 50))
    y = norm.forward(x, np.ones(50), np.zeros(50))
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(-1), 1, rtol=1e-9)
    (dx,) = norm.input_grad(draw.standard_normal((4, 50)), x, np.ones(50), np.zeros(50))
    np.testing.assert_allclose(dx.sum(-1), 0, atol=1e-12)  # a shift of x changes nothing
    np.testing.assert_allclose((dx * (x - x.mean(-1, keepdims=True))).sum(-1), 0, atol=1e-9)  # nor does a stretch


def test_cross_entropy_of_even_and_of_certain_logits():
    loss, labels = kernel("cross_entropy"), np.array([2, 0])
    np.testing.assert_allclose(loss.forward(np.zeros((2, 4)), labels), math.log(4), rtol=1e-15)
    sure = np.array([[0, 0, 1e4], [0, 1e4, 0.0]])
    np.testing.assert_allclose(loss.forward(sure, labels), [0, 1e4])
    np.testing.assert_allclose(loss.input_grad(np.ones(2), np.zeros((2, 4)), labels)[0].sum(-1), 0, atol=1e-15)


def test_cross_entropy_of_one_row():
    loss = kernel("cross_entropy")
    assert loss.shape((3,), ()) == ()
    assert loss.forward(np.zeros(3), np.array(1)) == pytest.approx(math.log(3))
    assert loss.input_grad(np.array(1.0), np.zeros(3), np.array(1))[0] == pytest.approx([1 / 3, -2 / 3, 1 / 3])


def test_causal_attention_looks_back_only():
    one, (q, k, v), _ = drawn("attention", heads=2)
    y = one.forward(q, k, v)
    np.testing.assert_allclose(y[:, 0], v[:, 0], rtol=1e-14)  # the first sees itself
    later = [array.copy() for array in (q, k, v)]
    for array in later:
        array[:, 3] += 100.0
    np.testing.assert_array_equal(one.forward(*later)[:, :3], y[:, :3])


def test_attention_without_a_mask_knows_no_order_of_keys():
    one, (q, k, v), _ = drawn("attention", heads=2, mask="none")
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(one.forward(q, k[:, order], v[:, order]), one.forward(q, k, v), rtol=1e-12)


def test_embedding_sums_rows_that_stand_twice():
    grad = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    (made,) = kernel("embedding").weight_grad(grad, np.array([2, 0, 2]), np.zeros((4, 2)))
    assert made.tolist() == [[10, 20], [0, 0], [101, 202], [0, 0]]


def test_reduce_keeps_whole_numbers_and_its_arrays():
    a = np.array([1, 2])
    assert kernel("reduce").forward(a, a, a).dtype == a.dtype
    assert a.tolist() == [1, 2]
    assert kernel("reduce").forward(a) is not a


# -- optimizers


def test_adam_over_five_steps_against_a_scalar_loop():
    rate, beta1, beta2, eps = 0.1, 0.8, 0.95, 1e-6
    adam = kernel("adam", rate=rate, beta1=beta1, beta2=beta2, eps=eps)
    start, gradients = [0.5, -1.0, 2.0], np.random.default_rng(3).standard_normal((5, 3))
    expected = []
    for column, w in enumerate(start):
        m = v = 0.0
        for t in range(1, 6):
            g = gradients[t - 1][column]
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
            w -= rate * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
        expected.append(w)
    state = adam.start(np.array(start))
    for gradient in gradients:
        state = adam.forward(state, gradient)
    np.testing.assert_allclose(state[0], expected, rtol=1e-13)
    assert state[3].tolist() == [5, 5, 5]


@pytest.mark.parametrize("entry", ["sgd", "adam"])
def test_a_piece_of_the_state_is_a_state(entry):
    """Weights updated in two pieces are those updated at once, as a sharded optimizer needs it."""
    one, (state, grad), _ = drawn(entry)
    pieces = [one.forward(state[:, rows], grad[rows]) for rows in (slice(0, 1), slice(1, 3))]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), one.forward(state, grad))


@pytest.mark.parametrize("entry", ["sgd", "adam"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_the_state_begins_with_the_weights(entry, shape):
    one, weights = kernel(entry), np.ones(shape)
    state = one.start(weights)
    assert state.shape == (one.rows, *shape) == one.shape(state.shape, shape)
    np.testing.assert_array_equal(state[0], weights)
    after = one.forward(state, np.ones(shape))
    assert after.shape == state.shape
    assert (after[0] < weights).all()
    assert (weights == 1).all()


def test_sgd_goes_down_a_bowl():
    sgd = kernel("sgd", rate=0.25)
    state = sgd.start(np.array([8.0]))
    for _ in range(3):
        state = sgd.forward(state, 2 * state[0])  # of w^2; each step halves w
    assert state.tolist() == [[1.0]]


# -- in scenarios


def test_parameters_are_checked():
    assert check(kernels["matmul"], {}) == {}
    read = check(kernels["attention"], {"heads": 2, "mask": "none"})
    assert read.items() >= {"heads": 2, "mask": "none"}.items()
    for wrong in ({"heads": 0}, {"mask": "both"}, {"head": 1}):
        with pytest.raises(Invalid):
            check(kernels["attention"], wrong)
    assert json_schema(kernels["adam"])["properties"]["beta1"]["default"] == 0.9


@pytest.mark.parametrize("name", ["beta1", "beta2"])
def test_the_past_has_a_share_below_1(name):
    with pytest.raises(Invalid, match=f"{name}: 1 must be at least 0 and below 1"):
        kernel("adam", **{name: 1.0})


@pytest.mark.parametrize(("name", "result"), [("double", 8), ("relu", 5), ("gelu", 4.7915)])
@pytest.mark.parametrize("play", [parsim.simulate, lambda *a, **k: parsim.replay(*a, **k).measured])
def test_kernels_of_one_element_compute_items(play, name, result):
    value = play(FIVE, set={"workload.kernel": name}).value
    assert type(value) is type(result)  # a number of Python, which JSON can write
    assert value == pytest.approx(result, abs=1e-3)


def test_what_is_made_of_an_entry_can_be_sent():
    for entry in ("double", "gelu"):
        function = made(kernels[entry], {})
        assert pickle.loads(pickle.dumps(function))(21.0) == function(21.0)
    assert made(kernels["double"], {})(21) == 42
    assert made(math.pow, {}).func is math.pow
    assert not is_class(math.pow)


# -- broken on purpose

GOOD = """
import random
import numpy as np
from parsim.core.kernel import Kernel, Product, size
from parsim.core.schema import Positive
from parsim.kernels import kernels

class Scale(Kernel):
    weights = 1
    def shape(self, x, w):
        if x[-1:] != w:
            raise ValueError("no")
        return x
    def flops(self, part, x, w):
        return size(x)
    def sample(self, draw):
        return draw.standard_normal((2, 3)), draw.standard_normal(3)
    def forward(self, x, w):
        return x * w
    def input_grad(self, grad, x, w):
        return (grad * w,)
    def weight_grad(self, grad, x, w):
        return ((grad * x).sum(0),)

@kernels.add("mine")
class Mine(Scale):
    '''Scale by weights.'''
"""
SHAPES, TWICE = "the output has the shape that shape() returns", "every part twice, and once in a pickled copy"
ALONE, PRICES = "no part changes its arrays", "FLOP and bytes of every part"
GRADIENTS = "gradients against finite differences"
REFUSED = "arrays of other shapes are accepted, or refused with ValueError"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, and shelves that are afterwards as they were."""
    monkeypatch.chdir(tmp_path)
    stocks = {name: shelf(name).stock() for name in SHELVES}
    yield tmp_path
    for name, stock in stocks.items():
        shelf(name).restock(stock)


def verdict(body):
    Path("mine.py").write_text(GOOD + textwrap.indent(textwrap.dedent(body), "    "), encoding="utf-8")
    return check_file("mine.py")


def test_a_good_class_from_outside(here):
    found = verdict("")
    assert found.verdict == "all 6 cases hold"
    told = {one.case: one.told for one in found.findings}
    assert told[PRICES] == "forward 6 FLOP, 120 B; input_grad 6 FLOP, 168 B; weight_grad 6 FLOP, 144 B"
    assert told[GRADIENTS].startswith("off by ")


@pytest.mark.parametrize(
    ("body", "case", "told"),
    [
        (
            "def forward(self, x, w): return (x * w)[0]",
            SHAPES,
            "makes an output of shape (3,) from ((2, 3), (3,)), but",
        ),
        ("def input_grad(self, grad, x, w): return (2 * grad * w,)", GRADIENTS, "input_grad, array 0: off by 1.0e+00"),
        ("def weight_grad(self, grad, x, w): return (grad * x,)", GRADIENTS, "array 1: the gradient has shape (2, 3)"),
        ("def weight_grad(self, grad, x, w): return ()", GRADIENTS, "returns 0 gradients; return a tuple of 1"),
        ("def input_grad(self, grad, x, w): return grad * w", GRADIENTS, "returns a ndarray; return a tuple of 1"),
        ("def input_grad(self, grad, x, w): return (grad * np.nan,)", GRADIENTS, "off by nan"),
        ("def forward(self, x, w): x *= w; return x", ALONE, "forward changes its argument number 0"),
        (
            "def input_grad(self, grad, x, w): grad *= w; return (grad,)",
            ALONE,
            "input_grad changes its argument number 0; work on a copy",
        ),
        ("def __init__(self): self.f = lambda x: x", TWICE, "cannot be sent to a worker process: "),
        ("def forward(self, x, w): return x * w + random.random()", TWICE, "something else when it runs again"),
        ("def __reduce__(self): return Scale, ()\ndef forward(self, x, w): return x + w", TWICE, "after pickling"),
        (
            "def flops(self, part, x, w): return float('nan')",
            PRICES,
            "says nan FLOP for forward; return a finite number",
        ),
        (
            "def bytes(self, part, x, w): return 0",
            PRICES,
            "says 0 bytes for weight_grad; return a finite number above 0",
        ),
        (
            "def products(self, part, x, w): return (Product(1, 2, 3, 3),)",
            PRICES,
            "says 36 FLOP of products for forward, and 6 FLOP in all",
        ),
        (
            "def moved(self, part, precision, x, w): return float('inf')",
            PRICES,
            "says inf bytes moved for forward; return a",
        ),
        ("def launches(self, part, x, w): return -1", PRICES, "says -1 launches for forward; return a finite number"),
        (
            "def saved(self, precision, x, w): return -2",
            PRICES,
            "says -2 bytes saved for forward; return a finite number",
        ),
        ("def reads(self, part, inputs): return (1,)", PRICES, "reads inputs [1] for forward; it has 1, the first"),
        (
            "def shape(self, x, w): return x",
            REFUSED,
            "returns (2, 4) for ((2, 4), (3,)), but forward raises ValueError: ",
        ),
        ("def shape(self, x, w): return {w: x}[x[-1:]]", REFUSED, "shape raises for ((2, 4), (3,)): KeyError"),
        ("def flops(self, part, x, w): return 1 / 0", PRICES, "kernel mine (mine.py:28) raised ZeroDivisionError: "),
        ("def sample(self, draw): return draw.random(3)", SHAPES, "from sample; return a tuple of arrays"),
    ],
)
def test_a_broken_class_is_found(here, body, case, told):
    found = {one.case: " ".join(one.broken) for one in verdict(body).findings if one.broken}
    assert told in found[case]


ONE = """
from parsim.core.kernel import Kernel, size
from parsim.core.schema import Positive
from parsim.kernels import kernels

@kernels.add("mine")
class Mine(Kernel):
    '''Scale.'''
    def __init__(self, by: Positive = 3.0):
        self.by = by
    def shape(self, x):
        return x
    def flops(self, part, x):
        return size(x)
    def sample(self, draw):
        return (draw.standard_normal((2, 3)),)
    def forward(self, x):
        return self.by * x // (x - 7)
"""


def test_a_class_of_one_element_from_outside_is_asked_for_numbers_and_runs(here):
    Path("mine.py").write_text(ONE.replace(" // (x - 7)", ""), encoding="utf-8")
    found = check_file("mine.py")
    assert found.good
    assert "items split as {'split': 'layers'}" in {one.case for one in found.findings}
    by = {"workload.kernel": {"kind": "mine", "by": 2}}
    assert parsim.simulate(FIVE, set=by).value == 8
    assert parsim.replay(FIVE, set=by).measured.value == 8  # each worker process loads the file


def test_what_a_class_from_outside_raises_is_told_with_its_line(here):
    Path("mine.py").write_text(ONE, encoding="utf-8")
    parsim.use("mine.py")
    for play in (parsim.simulate, parsim.replay):
        with pytest.raises(parsim.RunError, match=r"mine.py:18\) raised ZeroDivisionError for 7: "):
            play(FIVE, set={"workload.kernel": "mine", "workload.data": [7]})
