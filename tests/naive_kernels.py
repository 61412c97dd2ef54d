"""Each part of each kernel once more, number by number in plain Python, on numbers that count what is done to them.

The rule is that of parsim.core.kernel: +, -, x, /, comparisons, exp, log, tanh and square roots are 1; sums and maxima
along an axis count their start. What is made once for a whole call is a plain `float`, which counts nothing.
"""

import math
from functools import partial
from itertools import product

import numpy as np

from parsim.core.kernel import PARTS, run
from parsim.kernels import kernels


class Number:
    """A float that counts."""

    done = 0

    def __init__(self, value):
        self.value = float(value)

    def _do(self, value):
        Number.done += 1
        return Number(value)

    def __add__(self, other):
        return self._do(self.value + plain(other))

    def __sub__(self, other):
        return self._do(self.value - plain(other))

    def __mul__(self, other):
        return self._do(self.value * plain(other))

    def __truediv__(self, other):
        return self._do(self.value / plain(other))

    def __radd__(self, other):
        return self._do(other + self.value)

    def __rsub__(self, other):
        return self._do(other - self.value)

    def __rmul__(self, other):
        return self._do(other * self.value)

    def __rtruediv__(self, other):
        return self._do(other / self.value)

    def exp(self):
        return self._do(math.exp(self.value))

    def log(self):
        return self._do(math.log(self.value))

    def tanh(self):
        return self._do(math.tanh(self.value))

    def sqrt(self):
        return self._do(math.sqrt(self.value))

    def above(self, other):
        Number.done += 1
        return self.value > plain(other)


def plain(number):
    return number.value if isinstance(number, Number) else number


def counted(part, arrays):
    """Return what a naive *part* makes of arrays, as arrays again, and how many operations it took."""
    Number.done = 0
    made = part(*map(_numbers, arrays))
    done = Number.done
    return [np.array([plain(n) for n in np.ravel(one)]).reshape(np.shape(one)) for one in made], done


def kernel(name, **arguments):
    return kernels[name](**arguments)


def drawn(name, seed=5, **arguments):
    """Return a kernel, its arrays, and a gradient of its output."""
    draw, one = np.random.default_rng(seed), kernel(name, **arguments)
    arrays = one.sample(draw)
    return one, arrays, draw.standard_normal(one.shape(*map(np.shape, arrays)))


def results(one, part, arrays, grad):
    """Return what a part makes, as a list."""
    made = run(one, part, arrays if part == "forward" else (grad, *arrays))
    return [made] if part == "forward" else list(made)


def like_loops(one, arrays, grad, *naive):
    """Compare forward, input_grad and weight_grad, as many as there are naive parts, with what loops make and count."""
    for part, function in zip(PARTS, naive, strict=False):
        expected, done = counted(function, arrays if part == "forward" else (grad, *arrays))
        assert one.flops(part, *map(np.shape, arrays)) == done
        for mine, theirs in zip(results(one, part, arrays, grad), expected, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def _numbers(array):
    """Floats become numbers that count; whole numbers are indices."""
    if array.dtype.kind != "f":
        return array
    made = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        made[at] = Number(array[at])
    return made


def empty(*shape):
    return np.empty(shape, dtype=object)


def zeros(*shape):
    made = empty(*shape)
    for at in np.ndindex(shape):
        made[at] = Number(0)
    return made


def total(numbers, start=0.0):
    made = Number(start)
    for number in numbers:
        made = made + number
    return made


def most(numbers):
    made = Number(-math.inf)
    for number in numbers:
        made = number if number.above(made) else made
    return made


def each(function, *arrays):
    made = empty(*arrays[0].shape)
    for at in np.ndindex(made.shape):
        made[at] = function(*(array[at] for array in arrays))
    return made


def rows(function, *arrays):
    """Apply a function of lists to the rows, the last axis, of arrays."""
    made = empty(*arrays[0].shape)
    for at in np.ndindex(made.shape[:-1]):
        made[at] = function(*(list(array[at]) for array in arrays))
    return made


# -- matmul


def matmul(x, w):
    y = zeros(*x.shape[:-1], w.shape[1])
    matmul_onto(y, x, w)
    return [y]


def matmul_onto(y, x, w):
    for row, i, o in product(np.ndindex(x.shape[:-1]), range(w.shape[0]), range(w.shape[1])):
        y[(*row, o)] += x[(*row, i)] * w[i, o]


def matmul_input(dy, x, w):
    dx = zeros(*x.shape)
    for row, i, o in product(np.ndindex(x.shape[:-1]), range(w.shape[0]), range(w.shape[1])):
        dx[(*row, i)] += dy[(*row, o)] * w[i, o]
    return [dx]


def matmul_weight(dy, x, w):
    dw = zeros(*w.shape)
    for row, i, o in product(np.ndindex(x.shape[:-1]), range(w.shape[0]), range(w.shape[1])):
        dw[i, o] += x[(*row, i)] * dy[(*row, o)]
    return [dw]


# -- softmax and cross entropy


def exponentials(x):
    top = most(x)
    return [(number - top).exp() for number in x]


def shares(x):
    e = exponentials(x)
    whole = total(e)
    return [number / whole for number in e]


def shares_back(y, dy):
    along = total(a * b for a, b in zip(y, dy, strict=True))
    return [a * (b - along) for a, b in zip(y, dy, strict=True)]


def cross_entropy(logits, labels):
    loss = empty(*labels.shape)
    for at in np.ndindex(labels.shape):
        top = most(logits[at])
        shifted = [number - top for number in logits[at]]
        loss[at] = total(number.exp() for number in shifted).log() - shifted[labels[at]]
    return [loss]


def cross_entropy_input(dloss, logits, labels):
    dx = empty(*logits.shape)
    for at in np.ndindex(labels.shape):
        p = shares(logits[at])
        p[labels[at]] -= 1.0
        dx[at] = [number * dloss[at] for number in p]
    return [dx]


# -- gelu: the slope as the textbook's product rule has it is in the tests; here the form that the kernel counts


def gelu_tanh(x):
    a = math.sqrt(2 / math.pi)
    square = x * x
    return square, ((a * 0.044715 * square + a) * x).tanh()


def gelu(x):
    return 0.5 * (x * (gelu_tanh(x)[1] + 1.0))


def gelu_slope(dy, x):
    a = math.sqrt(2 / math.pi)
    square, t = gelu_tanh(x)
    return dy * (0.5 * ((1.0 + t) * (1.0 + x * (1.0 - t) * (a + 3 * a * 0.044715 * square))))


# -- layernorm


def normal(x):
    mean = total(x) / len(x)
    z = [number - mean for number in x]
    r = 1.0 / (total(number * number for number in z) / len(x) + 1e-5).sqrt()
    return [number * r for number in z], r


def layernorm(x, gain, bias):
    return [rows(lambda row: [z * g + b for z, g, b in zip(normal(row)[0], gain, bias, strict=True)], x)]


def layernorm_input(dy, x, gain, bias):
    def back(d, row):
        z, r = normal(row)
        g = [one * other for one, other in zip(d, gain, strict=True)]
        mean = total(g) / len(g)
        along = total(one * other for one, other in zip(g, z, strict=True)) / len(g)
        return [(one - mean - other * along) * r for one, other in zip(g, z, strict=True)]

    return [rows(back, dy, x)]


def layernorm_weight(dy, x, gain, bias):
    dgain, dbias = zeros(*gain.shape), zeros(*bias.shape)
    for at in np.ndindex(x.shape[:-1]):
        z, _ = normal(list(x[at]))
        for i in range(len(z)):
            dgain[i] += z[i] * dy[at][i]
            dbias[i] += dy[at][i]
    return [dgain, dbias]


# -- embedding, reduce


def embedding(tokens, table):
    y = empty(*tokens.shape, table.shape[1])
    for at in np.ndindex(tokens.shape):
        y[at] = table[tokens[at]]
    return [y]


def embedding_weight(dy, tokens, table):
    made = zeros(*table.shape)
    for at in np.ndindex(tokens.shape):
        for column in range(table.shape[1]):
            made[tokens[at], column] += dy[at][column]
    return [made]


def reduce(first, *others):
    for other in others:
        first = each(lambda a, b: a + b, first, other)
    return [first]


# -- attention: with a mask, sums over all positions in which the hidden ones weigh 0


def _heads(q, k, heads, groups):
    """Yield batch, columns of q, and columns of k and v, of each head."""
    width = q.shape[2] // heads
    for batch, head in product(range(q.shape[0]), range(heads)):
        group = head // (heads // groups)
        yield batch, slice(head * width, (head + 1) * width), slice(group * width, (group + 1) * width)


def _scores(q, k, mask):
    made = [[total(a * b for a, b in zip(query, key, strict=True)) for key in k] for query in q]
    for i, j in product(range(len(q)), range(len(k))):
        if mask == "causal" and j > i:
            made[i][j] = Number(-math.inf)
    return made


def attention(heads, groups, mask, q, k, v):
    y = empty(*q.shape)
    for batch, columns, theirs in _heads(q, k, heads, groups):
        root = math.sqrt(columns.stop - columns.start)
        ours = each(lambda number, root=root: number / root, q[batch, :, columns])
        for i, scores in enumerate(_scores(ours, k[batch, :, theirs], mask)):
            e = exponentials(scores)
            whole = total(e)
            y[batch, i, columns] = [
                total(a * b for a, b in zip(e, value, strict=True)) / whole for value in v[batch, :, theirs].T
            ]
    return [y]


def attention_input(heads, groups, mask, dy, q, k, v):
    dq, dk, dv = empty(*q.shape), zeros(*k.shape), zeros(*v.shape)
    for batch, columns, theirs in _heads(q, k, heads, groups):
        root = math.sqrt(columns.stop - columns.start)
        at, there = (batch, slice(None), columns), (batch, slice(None), theirs)
        ours = each(lambda number, root=root: number / root, q[at])
        p = np.array([shares(scores) for scores in _scores(ours, k[there], mask)], dtype=object)
        matmul_onto(dv[there], p.T, dy[at])
        ds = rows(shares_back, p, _product(dy[at], v[there].T))
        dq[at] = each(lambda number, root=root: number / root, _product(ds, k[there]))
        matmul_onto(dk[there], ds.T, ours)
    return [dq, dk, dv]


def _product(a, b):
    return matmul(a, b)[0]


# -- optimizers


def sgd(state, grad):
    return [np.array([each(lambda w, g: w - 0.01 * g, state[0], grad)], dtype=object)]


def adam(state, grad):
    made = empty(*state.shape)
    steps = plain(state[3].flat[0]) + 1
    one, two = 1 - 0.9**steps, 1 - 0.999**steps  # made once for all weights
    for at in np.ndindex(grad.shape):
        w, m, v, _ = (state[(row, *at)] for row in range(4))
        g = grad[at]
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * (g * g)
        w = w - 0.001 / one * m / (v.sqrt() / math.sqrt(two) + 1e-8)
        for row, number in enumerate((w, m, v, Number(steps))):
            made[(row, *at)] = number
    return [made]


NAIVE = {  # kernel -> part -> function of counting arrays, a list of results
    "adam": {"forward": adam},
    "attention": {
        "forward": partial(attention, 1, 1, "causal"),
        "input_grad": partial(attention_input, 1, 1, "causal"),
    },
    "cross_entropy": {"forward": cross_entropy, "input_grad": cross_entropy_input},
    "double": {"forward": lambda x: [each(lambda n: 2 * n, x)]},
    "embedding": {"forward": embedding, "weight_grad": embedding_weight},
    "gelu": {
        "forward": lambda x: [each(gelu, x)],
        "input_grad": lambda dy, x: [each(gelu_slope, dy, x)],
    },
    "layernorm": {"forward": layernorm, "input_grad": layernorm_input, "weight_grad": layernorm_weight},
    "matmul": {"forward": matmul, "input_grad": matmul_input, "weight_grad": matmul_weight},
    "reduce": {"forward": reduce, "input_grad": lambda dy, *arrays: [dy for _ in arrays]},
    "relu": {
        "forward": lambda x: [each(lambda n: n if n.above(0) else Number(0), x)],
        "input_grad": lambda dy, x: [each(lambda d, n: d * float(n.above(0)), dy, x)],
    },
    "sgd": {"forward": sgd},
    "softmax": {
        "forward": lambda x: [rows(shares, x)],
        "input_grad": lambda dy, x: [rows(lambda d, row: shares_back(shares(row), d), dy, x)],
    },
}
