"""The kernels of real models, number by number as in `naive_kernels`, and all kernels of the shelf together."""

import math
from functools import partial
from itertools import product

import naive_kernels
import numpy as np
from naive_kernels import Number, each, empty, gelu, gelu_slope, matmul, matmul_input, matmul_weight, rows, total, zeros

# -- affine


def affine(x, w, b):
    return [rows(lambda row: [one + other for one, other in zip(row, b, strict=True)], matmul(x, w)[0])]


def affine_weight(dy, x, w, b):
    return [*matmul_weight(dy, x, w), _sum(dy)]


def _sum(dy):
    """Return the sum of all rows."""
    made = zeros(dy.shape[-1])
    for at in np.ndindex(dy.shape):
        made[at[-1]] += dy[at]
    return made


# -- rmsnorm


def scaled(x):
    r = 1.0 / (total(number * number for number in x) / len(x) + 1e-5).sqrt()
    return [number * r for number in x], r


def rmsnorm(x, gain):
    return [rows(lambda row: [z * g for z, g in zip(scaled(row)[0], gain, strict=True)], x)]


def rmsnorm_input(dy, x, gain):
    def back(d, row):
        z, r = scaled(row)
        g = [one * other for one, other in zip(d, gain, strict=True)]
        along = total(one * other for one, other in zip(g, z, strict=True)) / len(g)
        return [(one - other * along) * r for one, other in zip(g, z, strict=True)]

    return [rows(back, dy, x)]


def rmsnorm_weight(dy, x, gain):
    made = zeros(*gain.shape)
    for at in np.ndindex(x.shape[:-1]):
        for i, z in enumerate(scaled(list(x[at]))[0]):
            made[i] += z * dy[at][i]
    return [made]


# -- gated


def silu(a):
    half = 0.5 * a
    return half + half * half.tanh()


def silu_slope(dy, a):
    half = 0.5 * a
    t = half.tanh()
    return dy * (0.5 * (1.0 + t) * (1.0 + half * (1.0 - t)))


def relu(n):
    return n if n.above(0) else Number(0)


def relu_slope(d, n):
    return d * float(n.above(0))


ACTIVATIONS = {"silu": (silu, silu_slope), "gelu": (gelu, gelu_slope), "relu": (relu, relu_slope)}


def gated(activation, a, b):
    function, _ = ACTIVATIONS[activation]
    return [each(lambda one, other: function(one) * other, a, b)]


def gated_input(activation, dy, a, b):
    function, slope = ACTIVATIONS[activation]
    return [
        each(lambda d, one, other: slope(d * other, one), dy, a, b),
        each(lambda d, one: function(one) * d, dy, a),
    ]


# -- rotary: as complex numbers, which turn by a product


def rotary(heads, base, sense, x):
    y, columns = empty(*x.shape), x.shape[2] // heads
    for batch, position, head, i in np.ndindex(x.shape[0], x.shape[1], heads, columns // 2):
        turn = complex(math.e) ** (sense * 1j * position * base ** (-2 * i / columns))
        one, two = head * columns + i, head * columns + i + columns // 2
        a, b = x[batch, position, one], x[batch, position, two]
        y[batch, position, one] = a * turn.real - b * turn.imag
        y[batch, position, two] = b * turn.real + a * turn.imag
    return [y]


# -- positions, sums


def positions(x, table):
    y = empty(*x.shape)
    for batch, position, column in np.ndindex(x.shape):
        y[batch, position, column] = x[batch, position, column] + table[position, column]
    return [y]


def positions_weight(dy, x, table):
    made = zeros(*table.shape)
    for batch, position, column in np.ndindex(x.shape):
        made[position, column] += dy[batch, position, column]
    return [made]


def add(a, b):
    return [each(lambda one, other: one + other, a, b)]


def add_input(dy, a, b):
    return [dy, dy]


# -- images


def conv2d(stride, padding, x, w):
    y = zeros(*_windows(x, w.shape[2:], stride, padding, len(w)))
    for (b, o, i, j), (c, k, m) in product(np.ndindex(y.shape), np.ndindex(w.shape[1:])):
        y[b, o, i, j] += _at(x, b, c, i * stride + k - padding, j * stride + m - padding) * w[o, c, k, m]
    return [y]


def conv2d_input(stride, padding, dy, x, w):
    dx = zeros(*x.shape[:2], x.shape[2] + 2 * padding, x.shape[3] + 2 * padding)
    for (b, o, i, j), (c, k, m) in product(np.ndindex(dy.shape), np.ndindex(w.shape[1:])):
        dx[b, c, i * stride + k, j * stride + m] += dy[b, o, i, j] * w[o, c, k, m]
    return [dx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]]


def conv2d_weight(stride, padding, dy, x, w):
    dw = zeros(*w.shape)
    for (b, o, i, j), (c, k, m) in product(np.ndindex(dy.shape), np.ndindex(w.shape[1:])):
        dw[o, c, k, m] += _at(x, b, c, i * stride + k - padding, j * stride + m - padding) * dy[b, o, i, j]
    return [dw]


def _windows(x, window, stride, padding, channels):
    sides = ((side + 2 * padding - one) // stride + 1 for side, one in zip(x.shape[2:], window, strict=True))
    return x.shape[0], channels, *sides


def _at(x, b, c, i, j, outside=0.0):
    inside = 0 <= i < x.shape[2] and 0 <= j < x.shape[3]
    return x[b, c, i, j] if inside else Number(outside)


def max_pool(window, stride, padding, x):
    y = empty(*_windows(x, (window, window), stride, padding, x.shape[1]))
    for at in np.ndindex(y.shape):
        y[at], _ = _most(window, stride, padding, x, *at)
    return [y]


def max_pool_input(window, stride, padding, dy, x):
    dx = zeros(*x.shape)
    for b, c, i, j in np.ndindex(dy.shape):
        _, place = _most(window, stride, padding, x, b, c, i, j)
        dx[(b, c, *place)] += dy[b, c, i, j]
    return [dx]


def _most(window, stride, padding, x, b, c, i, j):
    best, place = Number(-math.inf), None
    for k, m in np.ndindex(window, window):
        at = i * stride + k - padding, j * stride + m - padding
        number = _at(x, b, c, *at, outside=-math.inf)
        best, place = (number, at) if number.above(best) else (best, place)
    return best, place


def mean_pool(x):
    y, places = empty(*x.shape[:2]), x.shape[2] * x.shape[3]
    for at in np.ndindex(y.shape):
        y[at] = total(x[at].ravel()) / places
    return [y]


def mean_pool_input(dy, x):
    dx, each_ = empty(*x.shape), each(lambda d: d / (x.shape[2] * x.shape[3]), dy)
    for at in np.ndindex(dy.shape):
        dx[at] = each_[at]
    return [dx]


# -- batchnorm: a layernorm of the rows of channels, with a gain and a bias a row


def batchnorm(x, gain, bias):
    y = _channels(x)
    for c, row in enumerate(y):
        y[c] = [number * gain[c] + bias[c] for number in naive_kernels.normal(list(row))[0]]
    return [_images(y, x.shape)]


def batchnorm_input(dy, x, gain, bias):
    made = _channels(x)
    for c, (row, d) in enumerate(zip(_channels(x), _channels(dy), strict=True)):
        gains = [gain[c]] * len(row)
        made[c : c + 1] = naive_kernels.layernorm_input(d[np.newaxis], row[np.newaxis], gains, gains)[0]
    return [_images(made, x.shape)]


def batchnorm_weight(dy, x, gain, bias):
    dgain, dbias = zeros(*gain.shape), zeros(*bias.shape)
    for c, (row, d) in enumerate(zip(_channels(x), _channels(dy), strict=True)):
        for z, one in zip(naive_kernels.normal(list(row))[0], d, strict=True):
            dgain[c] += z * one
            dbias[c] += one
    return [dgain, dbias]


def _channels(x):
    return np.array([x[:, c].ravel() for c in range(x.shape[1])], dtype=object)


def _images(channels, shape):
    made = empty(*shape)
    for c, row in enumerate(channels):
        made[:, c] = row.reshape(shape[0], *shape[2:])
    return made


# -- experts


def routed(logits, top=2):
    """Return, for each token, its experts and its places."""
    tokens = [list(row) for row in logits.reshape(-1, logits.shape[2])]
    chosen = []
    for row in tokens:
        left, found = dict(enumerate(row)), []
        for _ in range(top):
            best, place = Number(-math.inf), None
            for expert, number in enumerate(row):
                better = number.above(best)
                if better and expert in left:
                    best, place = number, expert
            found.append(place)
            del left[place]
        chosen.append(found)
    order = sorted((expert, token, way) for token, found in enumerate(chosen) for way, expert in enumerate(found))
    places = [[0] * top for _ in tokens]
    for row, (_, token, way) in enumerate(order):
        places[token][way] = row
    return chosen, places


def _flat(x):
    return x.reshape(-1, x.shape[2])


def dispatch(x, logits):
    y = empty(x.shape[0], 2 * x.shape[1], x.shape[2])
    for token, places in enumerate(routed(logits)[1]):
        for row in places:
            _flat(y)[row] = _flat(x)[token]
    return [y]


def dispatch_input(dy, x, logits):
    dx = zeros(*x.shape)
    for token, places in enumerate(routed(logits)[1]):
        for row, i in product(places, range(x.shape[2])):
            _flat(dx)[token][i] += _flat(dy)[row][i]
    return [dx, np.zeros(logits.shape)]


def grouped(x, logits, w):
    y = zeros(*x.shape[:2], w.shape[2])
    for found, places in zip(*routed(logits), strict=True):
        for (expert, row), i, o in product(zip(found, places, strict=True), range(w.shape[1]), range(w.shape[2])):
            _flat(y)[row][o] += _flat(x)[row][i] * w[expert, i, o]
    return [y]


def grouped_input(dy, x, logits, w):
    return [*grouped(dy, logits, w.transpose(0, 2, 1)), np.zeros(logits.shape)]


def grouped_weight(dy, x, logits, w):
    dw = zeros(*w.shape)
    for found, places in zip(*routed(logits), strict=True):
        for (expert, row), i, o in product(zip(found, places, strict=True), range(w.shape[1]), range(w.shape[2])):
            dw[expert, i, o] += _flat(x)[row][i] * _flat(dy)[row][o]
    return [dw]


def combine(x, logits):
    y, tokens = zeros(*logits.shape[:2], x.shape[2]), _flat(logits)
    for token, (found, places) in enumerate(zip(*routed(logits), strict=True)):
        p = naive_kernels.shares([tokens[token][expert] for expert in found])
        for (share, row), i in product(zip(p, places, strict=True), range(x.shape[2])):
            _flat(y)[token][i] += share * _flat(x)[row][i]
    return [y]


def combine_input(dy, x, logits):
    dx, dlogits, tokens = empty(*x.shape), np.zeros(logits.shape, dtype=object), _flat(logits)
    for token, (found, places) in enumerate(zip(*routed(logits), strict=True)):
        p = naive_kernels.shares([tokens[token][expert] for expert in found])
        d = _flat(dy)[token]
        dp = [total(a * b for a, b in zip(d, _flat(x)[row], strict=True)) for row in places]
        for share, row in zip(p, places, strict=True):
            _flat(dx)[row] = [share * one for one in d]
        for expert, number in zip(found, naive_kernels.shares_back(p, dp), strict=True):
            _flat(dlogits)[token][expert] = number
    return [dx, dlogits]


# -- sequences that share an array


def segment(x):
    return [x[:, :1]]


def segment_input(dy, x):
    dx = zeros(*x.shape)
    dx[:, :1] = dy
    return [dx]


def shift(labels):
    return [np.array([[0, *row[:-1]] for row in labels.tolist()])]


NAIVE = dict(
    sorted(
        {
            **naive_kernels.NAIVE,
            "accumulate": {"forward": add, "input_grad": add_input},
            "affine": {
                "forward": affine,
                "input_grad": lambda dy, x, w, b: matmul_input(dy, x, w),
                "weight_grad": affine_weight,
            },
            "batchnorm": {"forward": batchnorm, "input_grad": batchnorm_input, "weight_grad": batchnorm_weight},
            "combine": {"forward": combine, "input_grad": combine_input},
            "concatenate": {
                "forward": lambda a, c: [np.concatenate([a, c], axis=1)],
                "input_grad": lambda dy, a, c: [dy[:, : a.shape[1]], dy[:, a.shape[1] :]],
            },
            "conv2d": {
                "forward": partial(conv2d, 1, 0),
                "input_grad": partial(conv2d_input, 1, 0),
                "weight_grad": partial(conv2d_weight, 1, 0),
            },
            "dispatch": {"forward": dispatch, "input_grad": dispatch_input},
            "dropout_add": {"forward": add, "input_grad": add_input},
            "gated": {"forward": partial(gated, "silu"), "input_grad": partial(gated_input, "silu")},
            "grouped": {"forward": grouped, "input_grad": grouped_input, "weight_grad": grouped_weight},
            "max_pool": {"forward": partial(max_pool, 2, 2, 0), "input_grad": partial(max_pool_input, 2, 2, 0)},
            "mean_pool": {"forward": mean_pool, "input_grad": mean_pool_input},
            "positions": {
                "forward": positions,
                "input_grad": lambda dy, x, table: [dy],
                "weight_grad": positions_weight,
            },
            "rmsnorm": {"forward": rmsnorm, "input_grad": rmsnorm_input, "weight_grad": rmsnorm_weight},
            "rotary": {
                "forward": partial(rotary, 1, 10000, 1),
                "input_grad": lambda dy, x: rotary(1, 10000, -1, dy),
            },
            "segment": {"forward": segment, "input_grad": segment_input},
            "shift": {"forward": shift},
        }.items()
    )
)
