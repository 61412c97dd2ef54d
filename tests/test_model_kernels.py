"""The kernels of real models with other parameters than those of their samples, and identities that they keep."""

from functools import partial

import naive_models as naive
import numpy as np
import pytest
from naive_kernels import attention, attention_input, drawn, kernel, like_loops

from parsim.conformance.arrays import Sample, differences
from parsim.core.errors import Invalid
from parsim.kernels import kernels
from parsim.scenario.schema import check

# -- other parameters, and other shapes


@pytest.mark.parametrize("activation", ["silu", "gelu", "relu"])
def test_gated_by_each_activation(activation):
    one, arrays, grad = drawn("gated", activation=activation)
    like_loops(one, arrays, grad, partial(naive.gated, activation), partial(naive.gated_input, activation))


def test_gated_stands_large_numbers():
    one, a = kernel("gated"), np.array([-1e4, 1e4])
    with np.errstate(all="raise"):
        assert one.forward(a, np.ones(2)).tolist() == [0, 1e4]
        assert one.input_grad(np.ones(2), a, np.ones(2))[0].tolist() == [0, 1]


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("base", [10.0, 500000.0])
def test_rotary_of_several_heads(heads, base):
    one, arrays, grad = drawn("rotary", heads=heads, base=base)
    back = lambda dy, x: naive.rotary(heads, base, -1, dy)  # noqa: E731
    like_loops(one, arrays, grad, partial(naive.rotary, heads, base, 1), back)


@pytest.mark.parametrize(("heads", "groups", "keys"), [(1, 1, 5), (2, 1, 3), (2, 2, 1)])
def test_attention_to_another_sequence(heads, groups, keys):
    draw, one = np.random.default_rng(7), kernel("attention", heads=heads, key_value_heads=groups, mask="none")
    q, grad = draw.standard_normal((2, 2, 4, 3 * heads))
    k, v = draw.standard_normal((2, 2, keys, 3 * groups))
    parts = (partial(function, heads, groups, "none") for function in (attention, attention_input))
    like_loops(one, (q, k, v), grad, *parts)


@pytest.mark.parametrize(
    ("stride", "padding", "image", "window"),
    [
        (1, 0, (3, 3), (3, 3)),
        (1, 1, (4, 3), (3, 3)),
        (2, 1, (5, 6), (3, 2)),
        (3, 2, (4, 4), (1, 1)),
        (2, 0, (5, 5), (2, 2)),
    ],
)
def test_convolutions(stride, padding, image, window):
    draw, one = np.random.default_rng(3), kernel("conv2d", stride=stride, padding=padding)
    x, w = draw.standard_normal((2, 2, *image)), draw.standard_normal((3, 2, *window))
    grad = draw.standard_normal(one.shape(x.shape, w.shape))
    parts = (naive.conv2d, naive.conv2d_input, naive.conv2d_weight)
    like_loops(one, (x, w), grad, *(partial(part, stride, padding) for part in parts))
    sample = Sample(one, lambda method, *arrays: method(*arrays), (x, w), grad)
    for index, made in enumerate((*one.input_grad(grad, x, w), *one.weight_grad(grad, x, w))):
        np.testing.assert_allclose(made, differences(sample, index), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("window", "stride", "padding"), [(3, 2, 1), (2, 1, 1), (1, 1, 0), (3, 3, 0)])
def test_maxima_of_windows(window, stride, padding):
    one, arrays, grad = drawn("max_pool", window=window, stride=stride, padding=padding)
    parts = (partial(part, window, stride, padding) for part in (naive.max_pool, naive.max_pool_input))
    like_loops(one, arrays, grad, *parts)


# -- identities


def test_rotated_products_depend_on_the_distance_alone():
    draw, one = np.random.default_rng(0), kernel("rotary", heads=2)
    q, k = (np.broadcast_to(row, (1, 9, 8)) for row in draw.standard_normal((2, 8)))
    products = one.forward(q)[0] @ one.forward(k)[0].T
    for distance in range(-8, 9):
        np.testing.assert_allclose(np.ptp(products.diagonal(distance)), 0, atol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(one.forward(q)), np.linalg.norm(q), rtol=1e-14)


def test_heads_that_share_keys_are_heads_with_equal_keys():
    draw = np.random.default_rng(1)
    q, k, v = draw.standard_normal((2, 4, 12)), *draw.standard_normal((2, 2, 4, 6))
    repeated = [array.reshape(2, 4, 2, 3).repeat(2, axis=2).reshape(2, 4, 12) for array in (k, v)]
    shared = kernel("attention", heads=4, key_value_heads=2)
    np.testing.assert_allclose(shared.forward(q, k, v), kernel("attention", heads=4).forward(q, *repeated), rtol=1e-13)


def test_rmsnorm_is_layernorm_of_rows_of_mean_0():
    x = np.random.default_rng(2).standard_normal((4, 6))
    x -= x.mean(axis=-1, keepdims=True)
    gain = np.arange(1.0, 7.0)
    same = kernel("layernorm").forward(x, gain, np.zeros(6))
    np.testing.assert_allclose(kernel("rmsnorm").forward(x, gain), same, rtol=1e-12)


def test_batchnorm_makes_mean_0_and_spread_1_of_each_channel():
    draw = np.random.default_rng(0)
    norm, x = kernel("batchnorm", eps=1e-12), 5 + 3 * draw.standard_normal((4, 3, 5, 2))
    y = norm.forward(x, np.ones(3), np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(y.mean((0, 2, 3)), [0, 1, 2], atol=1e-12)
    np.testing.assert_allclose(y.std((0, 2, 3)), 1, rtol=1e-9)
    (dx,) = norm.input_grad(draw.standard_normal(x.shape), x, np.ones(3), np.zeros(3))
    np.testing.assert_allclose(dx.sum((0, 2, 3)), 0, atol=1e-12)  # a shift of a channel changes nothing


def test_a_convolution_with_windows_of_one_is_a_product():
    draw = np.random.default_rng(0)
    x, w = draw.standard_normal((2, 3, 4, 5)), draw.standard_normal((6, 3, 1, 1))
    expected = np.einsum("bchw,oc->bohw", x, w[:, :, 0, 0])
    np.testing.assert_allclose(kernel("conv2d").forward(x, w), expected, rtol=1e-13)


def test_the_first_convolution_of_resnet_halves_an_image():
    conv, pool = kernel("conv2d", stride=2, padding=3), kernel("max_pool", window=3, stride=2, padding=1)
    shape = conv.shape((1, 3, 224, 224), (64, 3, 7, 7))
    assert shape == (1, 64, 112, 112)
    assert pool.shape(shape) == (1, 64, 56, 56)
    assert conv.flops("forward", (1, 3, 224, 224), (64, 3, 7, 7)) == 2 * 118_013_952  # multiplications of conv1


def test_of_equal_numbers_the_first_gets_the_gradient():
    (dx,) = kernel("max_pool").input_grad(np.ones((1, 1, 1, 1)), np.ones((1, 1, 2, 2)))
    assert dx.ravel().tolist() == [1, 0, 0, 0]


def test_rows_that_no_position_reads_get_no_gradient():
    (made,) = kernel("positions").weight_grad(np.ones((3, 2, 1)), np.zeros((3, 2, 1)), np.zeros((4, 1)))
    assert made.ravel().tolist() == [3, 3, 0, 0]


# -- what is refused


def test_a_dropout_is_not_computed():
    one, x = kernel("dropout_add", rate=0.1), np.ones(2)
    for part in (lambda: one.forward(x, x), lambda: one.input_grad(x, x, x)):
        with pytest.raises(NotImplementedError, match=r"a dropout of rate 0.1 can be simulated, but not computed"):
            part()
    assert one.flops("forward", (5,), (5,)) == 10
    assert one.flops("input_grad", (5,), (5,)) == 5


@pytest.mark.parametrize(
    ("entry", "said", "told"),
    [
        ("dropout_add", {"rate": 1}, "rate: 1 must be at least 0 and below 1"),
        ("dropout_add", {"rate": -0.1}, "rate: -0.1 must be at least 0"),
        ("attention", {"heads": 4, "key_value_heads": 3}, "key_value_heads: 3 does not divide the 4 heads"),
        ("attention", {"heads": 2, "key_value_heads": 4}, "key_value_heads: 4 does not divide the 2 heads"),
        ("max_pool", {"window": 3, "padding": 2}, "padding: 2 is more than half the window of 3"),
        ("gated", {"activation": "silo"}, "silu"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(entry, said, told):
    with pytest.raises(Invalid, match=told):
        kernel(entry, **check(kernels[entry], said))


@pytest.mark.parametrize(
    ("one", "shapes", "told"),
    [
        (
            kernel("conv2d"),
            ((1, 3, 5, 5), (2, 3, 7, 7)),
            r"a window \(7, 7\) does not fit images \(1, 3, 5, 5\) with a",
        ),
        (kernel("conv2d"), ((1, 3, 5, 5), (2, 4, 3, 3)), r"images \(1, 3, 5, 5\) do not fit weights \(2, 4, 3, 3\)"),
        (kernel("rotary", heads=2), ((1, 3, 6),), "a width of 6 cannot be split into 2 equal heads of an even number"),
        (kernel("positions"), ((1, 6, 4), (5, 4)), "a sequence of 6 is longer than a table of 5 positions"),
        (kernel("attention"), ((1, 2, 3), (1, 4, 3), (1, 4, 3)), "a causal mask needs the same sequence length"),
        (
            kernel("attention", heads=4, key_value_heads=2),
            ((1, 2, 8),) * 3,
            r"q \(1, 2, 8\) needs k and v of batch 1 and width 4, not \(1, 2, 8\)",
        ),
    ],
)
def test_the_message_names_the_shapes(one, shapes, told):
    with pytest.raises(ValueError, match=told):
        one.shape(*shapes)
