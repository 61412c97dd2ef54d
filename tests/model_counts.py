"""The seconds of scenarios 20 to 26, counted by hand: products and bytes of each layer as papers have them.

Nothing here comes from parsim, but for the order of actions, which tests of schedules hold against other programs. A
product (m, k) (k, n) reaches its ceiling but for a start-up in k, all else moves bytes; each kernel takes 4 us more.
The run is a recurrence: an action starts when its rank is free and its input has arrived.
"""

from itertools import accumulate, pairwise
from typing import NamedTuple

LAUNCH, START, REACHED = 4e-6, 150, 0.78
LATENCY = 5e-6


class Gpu(NamedTuple):
    peak: float
    ceiling: float
    memory: float


A100 = Gpu(312e12, 271.2e12, REACHED * 2039e9)  # bf16
A100_FP16 = A100._replace(ceiling=0.8 * 312e12)  # nobody measured that ceiling
H100 = Gpu(989e12, 794.5e12, REACHED * 3350e9)
H200 = H100._replace(memory=REACHED * 4800e9)


class Times(NamedTuple):
    """Seconds of forward, of the gradient of the input, of that of the weights, and of an update."""

    forward: float
    input_grad: float
    weight_grad: float
    adding: float
    update: float

    def plus(self, other):
        return Times(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING = Times(0, 0, 0, 0, 0)


def product(gpu, m, n, k, many=1):
    """2 m n k FLOP at the ceiling, or both factors and the result of 2 bytes a number."""
    seconds = many * 2 * m * n * k / gpu.ceiling * (1 + START / k)
    return max(seconds, many * 2 * (m * k + k * n + m * n) / gpu.memory) + LAUNCH


def moved(gpu, size, kernels=1):
    return size / gpu.memory + kernels * LAUNCH


def weights(gpu, *counts, gradients=2):
    """Sum a gradient of 2 bytes into the sum; Adam: gradient, and master, two moments of 4 bytes both ways, weight."""
    adding = sum(count * (2 + 2 * gradients) / gpu.memory for count in counts)
    update = sum(moved(gpu, count * (gradients + 2 * 12 + 2)) for count in counts)
    return Times(0, 0, 0, adding, update)


def linear(gpu, rows, inputs, outputs, bias, gradients=2):
    """Three equal products; a bias costs nothing but its update."""
    f, i = product(gpu, rows, outputs, inputs), product(gpu, rows, inputs, outputs)
    w = product(gpu, inputs, outputs, rows)
    return Times(f, i, w, 0, 0).plus(weights(gpu, inputs * outputs, *([outputs] * bias), gradients=gradients))


def norm(gpu, rows, width, arrays, gradients=2):
    """Reads and writes; backward reads two and writes one, in two kernels."""
    size = 2 * rows * width
    times = Times(moved(gpu, 2 * size), moved(gpu, 3 * size, 2), 0, 0, 0)
    return times.plus(weights(gpu, *([width] * arrays), gradients=gradients))


def plain_attention(gpu, b, s, h, a):
    """Both products of every head with the scores in memory: 9 bytes a score forward, 13 backward, with dropout."""
    d, scores, arrays = h // a, a * s * s * b, 4 * b * s * h * 2
    f = product(gpu, s, s, d, b * a) + product(gpu, s, d, s, b * a) + moved(gpu, arrays + 9 * scores, 3)
    i = 3 * product(gpu, s, d, s, b * a) + product(gpu, s, s, d, b * a) + moved(gpu, arrays + 13 * scores, 3)
    return Times(f, i, 0, 0, 0)


def flash_attention(gpu, b, s, h, kv):
    """A causal mask saves half of 4 s^2 h FLOP; backward has five products in place of two."""
    flop, arrays = 2 * s * s * h * b, 2 * b * s * (2 * h + 2 * kv)
    f = max(flop / (0.45 * gpu.peak), arrays / gpu.memory) + LAUNCH
    i = max(2.5 * flop / (0.36 * gpu.peak), 2 * arrays / gpu.memory) + 2 * LAUNCH
    return Times(f, i, 0, 0, 0)


def added(*parts):
    total = NOTHING
    for part in parts:
        total = total.plus(part)
    return total


def gpt_block(gpu, b, s, h, a, gradients=2, selective=False, ranks=1):
    """Tensor *ranks* share columns of products and heads, and between them rows; sums of biases stay whole."""
    rows, part, size = b * s, h // ranks, b * s * h // ranks
    square = linear(gpu, rows, h, part, True, gradients)
    attention = plain_attention(gpu, b, s, part, a // ranks)
    again = attention.forward if selective else 0
    drop = Times(moved(gpu, 7 * size), moved(gpu, 11 * size, 2), 0, 0, 0)  # mask; sum with the residual gradient
    gelu = Times(moved(gpu, 4 * 4 * size), moved(gpu, 6 * 4 * size), 0, 0, 0)
    up, down = linear(gpu, rows, h, 4 * part, True, gradients), linear(gpu, rows, 4 * part, h, True, gradients)
    norms, out = norm(gpu, rows // ranks, h, 2, gradients), linear(gpu, rows, part, h, True, gradients)
    every = added(norms, square, square, square, attention, out, drop, norms, up, gelu, down, drop)
    return every._replace(input_grad=every.input_grad + again)


def embedding(gpu, rows, h, vocabulary, positions=0, gradients=2, ranks=1):
    """Rows of a table are copied, and added to its gradient; positions are added, and their gradients summed.

    Tensor *ranks* share the vocabulary, and then rows.
    """
    size, own = 2 * rows * h, -(-vocabulary // ranks)
    times = Times(moved(gpu, 2 * size), 0, moved(gpu, 2 * size + gradients * own * h), 0, 0)
    times = times.plus(weights(gpu, own * h, gradients=gradients))
    if not positions:
        return times
    size //= ranks
    of_table = Times(moved(gpu, 2 * size), 0, moved(gpu, size + gradients * positions * h), 0, 0)
    return added(times, of_table, weights(gpu, positions * h, gradients=gradients))


def losses(gpu, rows, h, vocabulary, gradients=2):
    loss = Times(moved(gpu, 12 * rows * vocabulary, 2), moved(gpu, 12 * rows * vocabulary), 0, 0, 0)
    return linear(gpu, rows, h, vocabulary, False, gradients).plus(loss)


def head(gpu, rows, h, vocabulary, arrays, gradients=2, ranks=1):
    normed = norm(gpu, rows // ranks, h, arrays, gradients)
    return normed.plus(losses(gpu, rows, h, -(-vocabulary // ranks), gradients))


def fair(starts, seconds):
    """Return when transfers end that share a link equally, each *seconds* long when it is alone."""
    left, now, ends = {}, 0.0, [0.0] * len(starts)
    coming = sorted(range(len(starts)), key=starts.__getitem__)
    while coming or left:
        least = min(left.values(), default=float("inf"))
        until = min(now + least * len(left) if left else float("inf"), starts[coming[0]] if coming else float("inf"))
        left = {one: rest - (until - now) / len(left) for one, rest in left.items()}
        now = until
        for one in [one for one, rest in left.items() if rest <= 1e-12]:
            ends[one] = now
            del left[one]
        while coming and starts[coming[0]] <= now:
            left[coming.pop(0)] = seconds
    return ends


def played(orders, times, sends, place, late=None, shared=None):
    """Return when the last update ends.

    *times* are by stage, *sends* the seconds from each stage to the next one and back, *place* the rank of a stage.
    The outputs of some actions take longer: *late* is when they arrive, *shared* the seconds that they travel.
    """
    late, shared = late or {}, shared or {}
    rank_free, done, summed = [0.0] * len(orders), {}, set()
    left, stages = [list(order) for order in orders], len(times)
    while any(left):
        before = sum(map(len, left))
        for rank, order in enumerate(left):
            while order:
                stage, kind, microbatch = order[0]
                needs = [(stage - 1, "F")] if kind == "F" and stage else []
                needs += [(stage + 1, "I")] if kind in "BI" and stage + 1 < stages else []
                needs += [(stage, "F")] if kind in "BI" else [(stage, "I")] if kind == "W" else []
                if any((*one, microbatch) not in done for one in needs):
                    break
                travels = [place[one[0]] != rank and sends[min(stage, one[0])] for one in needs]
                sources = [(*one, microbatch) for one in needs]
                arrivals = [
                    late.get(source, done[source] + shared.get(source, travel))
                    for source, travel in zip(sources, travels, strict=True)
                ]
                t = times[stage]
                took = {"F": t.forward, "B": t.input_grad + t.weight_grad, "I": t.input_grad, "W": t.weight_grad}[kind]
                took += t.adding * (kind in "BW" and stage in summed)
                summed |= {stage} if kind in "BW" else set()
                rank_free[rank] = max([rank_free[rank], *arrivals]) + took
                done[stage, {"B": "I"}.get(kind, kind), microbatch] = rank_free[rank]
                order.pop(0)
        assert sum(map(len, left)) < before, "deadlock"
    for stage, t in enumerate(times):
        rank_free[place[stage]] += t.update
    return max(rank_free)


def summed(gpu, size):
    """A sum with the residual; backward adds both gradients."""
    return Times(moved(gpu, 6 * size), moved(gpu, 6 * size), 0, 0, 0)


def gated(gpu, size):
    return Times(moved(gpu, 6 * size), moved(gpu, 10 * size), 0, 0, 0)


def llama_attention(gpu, b, s, h, a, groups, ranks=1):
    """RMSNorm, rotary positions, shared keys and values; no bias and no dropout. Tensor *ranks* as in a GPT block."""
    rows, part, kv = b * s, h // ranks, h // a * groups // ranks
    square, narrow = linear(gpu, rows, h, part, False), linear(gpu, rows, h, kv, False)
    rotated = added(
        *(Times(moved(gpu, 4 * rows * width), moved(gpu, 4 * rows * width), 0, 0, 0) for width in (part, kv))
    )
    attention, out = flash_attention(gpu, b, s, part, kv), linear(gpu, rows, part, h, False)
    normed, residual = norm(gpu, rows // ranks, h, 1), summed(gpu, rows // ranks * h)
    return added(normed, square, narrow, narrow, rotated, attention, out, residual)


def llama_block(gpu, b, s, h, a, groups, f, ranks=1):
    """Attention, and an MLP with SwiGLU."""
    rows, part = b * s, f // ranks
    up, down, norms = (
        linear(gpu, rows, h, part, False),
        linear(gpu, rows, part, h, False),
        norm(gpu, rows // ranks, h, 1),
    )
    mlp = added(norms, up, up, gated(gpu, rows * part), down, summed(gpu, rows // ranks * h))
    return llama_attention(gpu, b, s, h, a, groups, ranks).plus(mlp)


def grouped(gpu, rows, inputs, outputs, experts):
    """Three products for each expert, of equal numbers of rows; a kernel has all experts."""
    each = rows // experts
    f, i = product(gpu, each, outputs, inputs, experts), product(gpu, each, inputs, outputs, experts)
    w = product(gpu, inputs, outputs, each, experts)
    return Times(f, i, w, 0, 0).plus(weights(gpu, experts * inputs * outputs))


def mixtral_block(gpu, b, s, h, a, groups, f, experts=8, top=2, own=8):
    """Attention, a router, and an MLP of a Llama for each expert; a token has a row at two of them.

    A device has *own* experts, and gets as many rows for them as it sends.
    """
    tokens = b * s
    rows, router = top * tokens, linear(gpu, tokens, h, experts, False)
    copied = 2 * (tokens + rows) * h
    there = Times(moved(gpu, copied + 2 * tokens * experts, 3), moved(gpu, copied), 0, 0, 0)  # maxima, order, copy
    back = Times(moved(gpu, copied, 2), moved(gpu, copied + 2 * rows * h, 2), 0, 0, 0)  # softmax, and sums
    up, down = grouped(gpu, rows, h, f, own), grouped(gpu, rows, f, h, own)
    parts = there, up, up, gated(gpu, rows * f), down, back, summed(gpu, tokens * h)
    return added(llama_attention(gpu, b, s, h, a, groups), norm(gpu, tokens, h, 1), router, *parts)


def translation_blocks(gpu, b, s, h, a):
    """A block of the encoder and one of the decoder, whose source and target are as long; norms after the sums."""
    rows, size = b * s, b * s * h
    square, norms = linear(gpu, rows, h, h, False), norm(gpu, rows, h, 2)
    drop = Times(moved(gpu, 7 * size), moved(gpu, 11 * size, 2), 0, 0, 0)
    attention = added(*[square] * 3, plain_attention(gpu, b, s, h, a), square, drop, norms)
    up, down = linear(gpu, rows, h, 4 * h, True), linear(gpu, rows, 4 * h, h, True)
    mlp = added(up, relu(gpu, 4 * size), down, drop, norms)
    return attention.plus(mlp), added(attention, attention, mlp)


class Count(NamedTuple):
    """A scenario counted by hand."""

    makespan: float
    total: float  # N/P (T_s + T_c)


def counted(orders, times, place, sizes, tokens, bandwidth, devices, late=None, reading=2):
    """Count a run whose stages stand on the ranks *place*, and send *sizes* bytes a microbatch to the next one.

    Tokens come from the host, 8 bytes each, to the first stage, and labels to the last one, or to more stages
    *reading*. T_total spreads all seconds of computing and of transfers that are alone over all devices.
    """
    sends, given = [LATENCY + size / bandwidth for size in sizes], LATENCY + 8 * tokens / bandwidth
    microbatches = 1 + max(microbatch for _, _, microbatch in orders[0])
    computing = sum(
        t.update + microbatches * (t.forward + t.input_grad + t.weight_grad + t.adding) - t.adding for t in times
    )
    moving = microbatches * (2 * sum(sends) + reading * given)
    return Count(given + played(orders, times, sends, place, late), (computing + moving) / devices)


def cut(layers, stages):
    """Return the times of stages of so many layers."""
    ends = [0, *accumulate(stages)]
    return [added(*layers[a:b]) for a, b in pairwise(ends)]


def gpt3_13b(orders):
    """GPT-3 13B: embedding and a block, 39 blocks, the head."""
    h, s, vocabulary = 5120, 2048, 50257
    block = gpt_block(A100, 1, s, h, 40)
    first = added(embedding(A100, s, h, vocabulary, s), block)
    times = [first, *[block] * 39, head(A100, s, h, vocabulary, 2)]
    return counted(orders, times, range(41), [2 * s * h] * 40, s, 25e9, 64)


def zero_bubble(orders):
    """22 blocks in eight stages, embedding and head as a block each; gradients of 4 bytes."""
    b, h, s, vocabulary = 6, 2304, 1024, 50257
    block = gpt_block(A100_FP16, b, s, h, 24, gradients=4)
    first = added(embedding(A100_FP16, b * s, h, vocabulary, s, 4), block, block)
    last = added(block, block, head(A100_FP16, b * s, h, vocabulary, 2, 4))
    times = [first, *[added(block, block, block)] * 6, last]
    return counted(orders, times, range(8), [2 * b * s * h] * 7, b * s, 25e9, 8)


def transformer_big(orders):
    """Six blocks in each stack; from the second embedding on, stages also hand on what the encoder made."""
    b, h, s, vocabulary, stages = 96, 1024, 32, 37000, [5, 5, 3, 2]
    encoder, decoder = translation_blocks(A100, b, s, h, 16)
    table, size = embedding(A100, b * s, h, vocabulary), 2 * b * s * h
    times = cut([table, *[encoder] * 6, table, *[decoder] * 6, losses(A100, b * s, h, vocabulary)], stages)
    return counted(orders, times, range(4), [size, 2 * size, 2 * size], b * s, 25e9, 4, reading=3)


def mixtral(orders):
    """32 blocks in eight stages; the embedding goes with the first block, the head with the last one."""
    h, s, vocabulary = 4096, 4096, 32000
    block = mixtral_block(H200, 1, s, h, 32, 8, 14336)
    layers = [embedding(H200, s, h, vocabulary), *[block] * 32, head(H200, s, h, vocabulary, 1)]
    return counted(orders, cut(layers, [5, *[4] * 6, 5]), range(8), [2 * s * h] * 7, s, 50e9, 8)


def llama_405b(orders):
    """126 blocks, embedding and head in 128 stages; stage i on rank i modulo 16."""
    h, s, vocabulary = 16384, 8192, 128256
    block = llama_block(H100, 1, s, h, 128, 8, 53248)
    times = [embedding(H100, s, h, vocabulary), *[block] * 126, head(H100, s, h, vocabulary, 1)]
    sent = [times[0].forward * (1 + microbatch) + LATENCY for microbatch in range(16)]  # faster than their link
    late = {(0, "F", microbatch): end for microbatch, end in enumerate(fair(sent, 2 * s * h / 50e9))}
    return counted(orders, times, [stage % 16 for stage in range(128)], [2 * s * h] * 127, s, 50e9, 16, late)


def recompute(orders):
    """GPT-3 6.7B, 34 layers in eight stages, five in the first two; attention is computed again."""
    b, h, s, vocabulary = 4, 4096, 2048, 50257
    block = gpt_block(A100, b, s, h, 32, selective=True)
    layers = [embedding(A100, b * s, h, vocabulary, s), *[block] * 32, head(A100, b * s, h, vocabulary, 2)]
    times = cut(layers, [5, 5, *[4] * 6])
    return counted(orders, times, range(8), [2 * b * s * h] * 7, b * s, 25e9, 8)


# -- ResNet-50, as He et al. have it, with the stride in the 3 x 3 convolution


def conv(gpu, images, inputs, outputs, window, side, stride=1, first=False):
    """As products of windows; memory holds only the images, which windows share. A batch norm follows."""
    out = side // stride
    rows, inside = images * out**2, inputs * window**2
    shared = max(0, rows * inside - images * inputs * side**2)
    read = 2 * (rows * inside + inside * outputs + rows * outputs - shared) / gpu.memory

    def took(k):
        return max(2 * rows * inside * outputs / gpu.ceiling * (1 + START / k), read) + LAUNCH

    size = 2 * rows * outputs
    products = Times(took(inside), 0 if first else took(outputs), took(rows), 0, 0)
    normed = Times(moved(gpu, 3 * size), moved(gpu, 5 * size, 2), 0, 0, 0)
    return added(products, normed, stepped(gpu, inside * outputs, outputs, outputs))


def stepped(gpu, *counts):
    """Sum eight gradients of 2 bytes; a step: gradient, weight of 4 bytes both ways and of 2 bytes."""
    return Times(0, 0, 0, 0, sum(moved(gpu, 18 * count) + moved(gpu, 12 * count) for count in counts))


def relu(gpu, numbers):
    return Times(moved(gpu, 4 * numbers), moved(gpu, 6 * numbers), 0, 0, 0)


def bottleneck(gpu, images, came, wide, side, stride):
    out = side // stride
    numbers, goes = images * out**2, 4 * wide
    parts = [
        conv(gpu, images, came, wide, 1, side), relu(gpu, images * side**2 * wide),
        conv(gpu, images, wide, wide, 3, side, stride), relu(gpu, numbers * wide),
        conv(gpu, images, wide, goes, 1, out),
        summed(gpu, numbers * goes), relu(gpu, numbers * goes),
    ]  # fmt: skip
    if came != goes:
        parts.append(conv(gpu, images, came, goes, 1, side, stride))
    return added(*parts)


def resnet50_parts(gpu, images):
    whole, half = (images * 64 * side**2 for side in (112, 56))
    pooled = Times(moved(gpu, 2 * (whole + half)), moved(gpu, 2 * (2 * whole + half)), 0, 0, 0)
    parts = [conv(gpu, images, 3, 64, 7, 224, 2, first=True), relu(gpu, whole), pooled]
    came, side = 64, 56
    for stage, (wide, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for number in range(count):
            stride = 2 if stage and not number else 1
            parts.append(bottleneck(gpu, images, came, wide, side, stride))
            came, side = 4 * wide, side // stride
    last = moved(gpu, 2 * images * came * (side**2 + 1))
    parts.append(Times(last, last, 0, 0, 0))
    f, i = product(gpu, images, 1000, came), product(gpu, images, came, 1000)
    parts += [Times(f, i, product(gpu, came, 1000, images), 0, 0), stepped(gpu, came * 1000, 1000)]
    parts.append(Times(moved(gpu, 12 * images * 1000, 2), moved(gpu, 12 * images * 1000), 0, 0, 0))
    return parts


def resnet50(_):
    """Eight devices of 256 images each: forward, backward, gradients to w0, its update, and the weights back."""
    images, gpu, bandwidth = 256, A100, 250e9
    t = added(*resnet50_parts(gpu, images))
    given = LATENCY + (2 * images * 3 * 224**2 + 8 * images) / bandwidth
    send = LATENCY + 2 * 25_557_032 / bandwidth
    backward = t.input_grad + t.weight_grad
    total = (8 * (given + t.forward + backward) + t.update + 14 * send) / 8
    return Count(given + t.forward + backward + send + t.update + send, total)
