"""The seconds of scenarios 15 to 18 and 41, counted by hand: FLOP and numbers of each kernel as its paper has them.

Nothing here comes from parsim: neither its kernels' prices nor its graphs. A kernel takes what the slower of arithmetic
and memory takes, each array read or written once; a task is the sum of its kernels; the makespan is the longest path.
"""

from itertools import pairwise
from typing import NamedTuple

PEAK, MEMORY = 42e9, 16e9  # FLOP/s and B/s of a calibrated core
LATENCY, LINK = 30e-6, 5e9  # s and B/s of the way from any place to any other
ITERATIONS = 3
MICROBATCHES = 4


def took(flop, numbers):
    """Return the seconds of a kernel that moves so many numbers of 8 bytes."""
    return max(flop / PEAK, 8 * numbers / MEMORY)


def way(numbers):
    """Return the seconds of a transfer."""
    return LATENCY + 8 * numbers / LINK


class Both(NamedTuple):
    """Seconds of a layer, or of a stage, forward and backward."""

    forward: float
    backward: float


def both(*parts):
    """Add up."""
    return Both(*map(sum, zip(*parts, strict=True)))


# -- kernels, on R rows


def matmul(R, i, o, first=False):
    """2 R i o for the output, for the gradient of the input (not for data), and for that of the weights."""
    x, w, y = R * i, i * o, R * o
    input_grad = 0 if first else took(2 * R * i * o, x + w + y + x)
    return Both(took(2 * R * i * o, x + w + y), input_grad + took(2 * R * i * o, x + w + y + w))


def relu(n):
    return Both(took(n, 2 * n), took(2 * n, 3 * n))


def gelu(n):
    return Both(took(8 * n, 2 * n), took(15 * n, 3 * n))


def add(n):
    return Both(took(n, 3 * n), took(0, 5 * n))


def layernorm(R, n):
    x, w = R * n, 2 * n
    grads = took(13 * x + 7 * R, 2 * x + w + x) + took(8 * x + 5 * R, 2 * x + w + w)
    return Both(took(7 * x + 5 * R, 2 * x + w), grads)


def attention(b, s, w, heads):
    """4 b s^2 w in two products forward, 10 in five backward; 4 and 9 for each score, 2 for each number."""
    x, scores = b * s * w, heads * b * s**2
    forward = took(4 * b * s**2 * w + 4 * scores + 2 * x, 4 * x)
    return Both(forward, took(10 * b * s**2 * w + 9 * scores + 2 * x, 7 * x))


def cross_entropy(R, c):
    return Both(took(4 * R * c + 2 * R, R * c + 2 * R), took(6 * R * c + R, 2 * R * c + 2 * R))


def embedding(R, vocabulary, w):
    return Both(took(0, R + 2 * R * w), took(R * w, R + R * w + vocabulary * w))


def adam(n):
    """Its state is four arrays: weights, two moments, and the count of steps."""
    return took(13 * n, 4 * n + n + 4 * n)


# -- the two models: layers on R rows of the batch, and how many weights each layer has

WIDTHS = (256, 704, 704, 704, 10)
BATCH = 1024  # rows
MLP_WEIGHTS = [256 * 704, 704 * 704, 704 * 704, 704 * 10]


def mlp(R):
    """Three layers with relu, and the last one with the loss."""
    hidden = [both(matmul(R, i, o, first=i == WIDTHS[0]), relu(R * o)) for i, o in pairwise(WIDTHS[:4])]
    return [*hidden, both(matmul(R, 704, 10), cross_entropy(R, 10))]


VOCABULARY, W, HEADS, SEQUENCE, SEQUENCES = 512, 192, 4, 64, 32
BLOCK = 4 * W * W + 2 * 4 * W * W + 4 * W  # q k v o, up and down, two norms
TRANSFORMER_WEIGHTS = [VOCABULARY * W, BLOCK, BLOCK, W * VOCABULARY + 2 * W]


def transformer(b):
    """Embedding, two blocks and a head, on *b* sequences."""
    R = b * SEQUENCE
    norm, square, join = layernorm(R, W), matmul(R, W, W), add(R * W)
    wide = (matmul(R, W, 4 * W), gelu(R * 4 * W), matmul(R, 4 * W, W))
    block = both(norm, *[square] * 3, attention(b, SEQUENCE, W, HEADS), square, join, norm, *wide, join)
    head = both(norm, matmul(R, W, VOCABULARY), cross_entropy(R, VOCABULARY))
    return [embedding(R, VOCABULARY, W), block, block, head]


# -- by data, on two workers: host > F > B > gradients > update > weights > F ... > update > weights


class ByData(NamedTuple):
    """Seconds of each task and transfer."""

    half: Both
    update: float  # both gradients added up, and the step
    given: float  # the way of half of the batch
    weights: float  # the way of gradients, or of weights

    def makespan(self):
        """Follow w1, whose gradients and weights have a way to go; its half of the batch comes beside the weights."""
        return self.given + ITERATIONS * self.iteration()

    def iteration(self):
        """Return the seconds of an iteration; it ends when w1 has its weights again, too."""
        return sum(self.half) + self.weights + self.update + self.weights

    def t_total(self):
        """Return 15/2 of the mean of all 15 tasks; gradients go to w0 three times, and weights to w1 as often."""
        computing = ITERATIONS * (2 * sum(self.half) + self.update)
        return (computing + 2 * ITERATIONS * self.given + 2 * ITERATIONS * self.weights) / 2

    def idle(self):
        """Return the means: w1 waits for gradients and update, w0 for the weights to have come to w1."""
        w1, w0 = self.weights + self.update, self.weights - self.given
        return {"dependency": (ITERATIONS * w1 + (ITERATIONS - 1) * w0) / 2, "drain": self.weights / 2}


def mlp_data():
    n = sum(MLP_WEIGHTS)
    return ByData(both(*mlp(BATCH // 2)), add(n).forward + adam(n), way(BATCH // 2 * (256 + 1)), way(n))


def transformer_data():
    n, tokens = sum(TRANSFORMER_WEIGHTS), SEQUENCES // 2 * SEQUENCE
    return ByData(both(*transformer(SEQUENCES // 2)), add(n).forward + adam(n), way(2 * tokens), way(n))


# -- by replicas: F > B > ring of the last bucket > update, on each of two workers


class ByReplicas(NamedTuple):
    """Seconds of a half of the batch, of the ring of each bucket, and of the update of all weights."""

    half: Both
    last: float  # of backward, below the first bucket
    rings: tuple[float, float]
    update: float

    def iteration(self):
        """Return the seconds of an iteration: backward of the lower layers hides the first ring."""
        assert self.last > self.rings[0]
        return sum(self.half) + self.rings[1] + self.update

    def makespan(self):
        return ITERATIONS * self.iteration()

    def t_total(self):
        """Return what each worker has to do: it computes, and takes part in both rings."""
        return ITERATIONS * (sum(self.half) + self.update + sum(self.rings))


def mlp_replicas():
    """Buckets of the last two layers, 4.02 MB, and of the first two, 5.41 MB; a ring of two takes two rounds."""
    layers, buckets = mlp(BATCH // 2), (sum(MLP_WEIGHTS[2:]), sum(MLP_WEIGHTS[:2]))
    rings = tuple(2 * way(count / 2) for count in buckets)
    return ByReplicas(both(*layers), both(*layers[:2]).backward, rings, sum(map(adam, MLP_WEIGHTS)))


# -- by layers, a 1F1B of two stages and four microbatches
#
#    w0  F0 F1 ...... B0 F2 B1 F3 B2 .. B3 U
#    w1  ... F0 B0 F1 B1 .. F2 B2 .. F3 B3 U


class ByLayers(NamedTuple):
    """Seconds of the tasks of both stages, and of what travels; backward of a later microbatch also adds gradients."""

    low: Both
    high: Both
    adding: tuple[float, float]
    updates: tuple[float, float]
    given: float  # the way of a microbatch's inputs; each leaves as the task before its own starts
    labels: float
    passed: float  # the way of activations, or of their gradients

    def computing(self):
        """Return the seconds that the workers compute."""
        tasks = MICROBATCHES * (sum(self.low) + sum(self.high)) + (MICROBATCHES - 1) * sum(self.adding)
        return ITERATIONS * (tasks + sum(self.updates))

    def t_total(self):
        """Return 54/2 of the mean of all 54 tasks."""
        moved = MICROBATCHES * ITERATIONS * (self.given + self.labels + 2 * self.passed)
        return (self.computing() + moved) / 2

    def makespan_where_low_is_slower(self):
        """Follow w0: it waits for its first input, and in each iteration for the first and the last gradient."""
        (a, d), (b, c), more, (u, _) = self.low, self.high, *self.adding_and_updates()
        there_and_back = 2 * self.passed + b + c
        assert d + a > b + c + more[1]  # a gradient is back before w0 wants it
        assert self.given < min(a, d, u)  # computing hides all inputs but the first
        assert self.labels < min(a, b, c)  # and all labels
        assert there_and_back + more[1] > d + more[0]  # but not the last one
        iteration = a + there_and_back + d + a + d + more[0] + a + there_and_back + more[1] + d + more[0] + u
        return ITERATIONS * iteration + self.given

    def makespan_where_high_is_slower(self):
        """Follow w1 from its first input to its last gradient."""
        (a, d), (b, c), more, (u, _) = self.low, self.high, *self.adding_and_updates()
        assert d + a + 2 * self.passed + more[0] < b + c  # the next input is there before w1 wants it
        assert self.given < min(a, d, u)  # computing hides all inputs but the first
        assert self.labels < min(a, b, c)  # and all labels
        pipeline = MICROBATCHES * (b + c) + (MICROBATCHES - 1) * more[1]
        iteration = a + self.passed + pipeline + self.passed + d + more[0] + u
        return ITERATIONS * iteration + self.given

    def adding_and_updates(self):
        return self.adding, self.updates


def by_layers(layers, weights, inputs, labels, passed):
    """Put the first two layers on w0, the others on w1."""
    own = sum(weights[:2]), sum(weights[2:])
    return ByLayers(
        both(*layers[:2]),
        both(*layers[2:]),
        tuple(add(n).forward for n in own),
        tuple(adam(n) for n in own),
        way(inputs),
        way(labels),
        way(passed),
    )


def mlp_layers():
    R = BATCH // MICROBATCHES
    return by_layers(mlp(R), MLP_WEIGHTS, R * 256, R, R * 704)


def transformer_layers():
    b = SEQUENCES // MICROBATCHES
    tokens = b * SEQUENCE
    return by_layers(transformer(b), TRANSFORMER_WEIGHTS, tokens, tokens, tokens * W)
