"""The seconds of scenarios 30 to 37, counted by hand: kernels as in model_counts, and rings beside them.

A ring of p ranks sends p parts once around for half an all-reduce, a step at a time. The networks are those of a DGX
A100, H100 or H200: 300 or 450 GB/s and 0.47 us within a node, 25 or 50 GB/s and 2.7 us between nodes.
"""

from itertools import accumulate, pairwise
from typing import NamedTuple

from model_counts import (
    A100,
    H100,
    H200,
    Count,
    added,
    cut,
    embedding,
    flash_attention,
    gpt_block,
    head,
    llama_block,
    mixtral_block,
    moved,
    played,
    resnet50_parts,
)


class Way(NamedTuple):
    latency: float
    bandwidth: float

    def half(self, ranks, size, rings=1):
        """Half an all-reduce; each of several rings has its part of the buffer, and a card of its own."""
        return (ranks - 1) * (self.latency + size / ranks / rings / self.bandwidth)


NVLINK, NVLINK4 = Way(0.47e-6, 300e9), Way(0.47e-6, 450e9)
CARD, NDR = Way(2.7e-6, 25e9), Way(2.7e-6, 50e9)


def update(gpu, ranks, *counts):
    """Adam on a share of so many weights each: gradient, master and two moments both ways, weight."""
    return sum(moved(gpu, -(-count // ranks) * 28) for count in counts)


def computing(layers):
    t = added(*layers)
    return t.forward + t.input_grad + t.weight_grad


def resnet50_data(_):
    """The last block of stage 4 from its end on, and what comes before: 34 MB are summed beside backward, 17 MB not."""
    t = added(*resnet50_parts(A100, 32))
    first = 2048 * 1000 + 1000
    for came, more in ((1024, 1024 * 2048 + 2 * 2048), (2048, 0), (2048, 0)):  # three bottlenecks of 512, one projects
        first += came * 512 + 9 * 512**2 + 512 * 2048 + 2 * (512 + 512 + 2048) + more
    rings = [2 * NVLINK.half(8, 2 * count) for count in (first, 25_557_032 - first)]
    arrays = 53 + 2 * 53 + 2  # convolutions, batch norms, and the weights and biases of the last layer
    step = t.forward + t.input_grad + t.weight_grad + moved(A100, 12 * 25_557_032, arrays)
    return Count(step + rings[1], step + sum(rings))


def gpt3_data(_):
    """Buckets of the last norm and four blocks, nine times four blocks, and the tables, by eight rings.

    The head's table is the embedding's. Of the scatter before the last, only the embedding's backward hides a part.
    """
    h, s, vocabulary = 5120, 2048, 50257
    block, tables = 12 * h**2 + 13 * h, (vocabulary * h, s * h)
    layers = [embedding(A100, s, h, vocabulary, s), *[gpt_block(A100, 1, s, h, 40, selective=True)] * 40]
    layers.append(head(A100, s, h, vocabulary, 2))
    buckets = [2 * h + 4 * block, *[4 * block] * 9, sum(tables)]
    halves = [CARD.half(64, 2 * count, rings=8) for count in buckets]
    step = computing(layers) + update(A100, 64, 2 * h + 40 * block + sum(tables))
    scattered = halves[-2] - (layers[0].input_grad + layers[0].weight_grad) + halves[-1]
    return Count(step + scattered + sum(halves), step + 2 * sum(halves))


def gpt3_layers(orders):
    """Sixteen stages, two in a node; rings scatter the gradients of a stage when all of them are there.

    The rings of an odd stage begin with its last send, which goes to a stage in the same node: they share its way.
    """
    h, s, vocabulary, replicas, microbatches = 5120, 2048, 50257, 4, 16
    layers = [embedding(A100, s, h, vocabulary, s), *[gpt_block(A100, 1, s, h, 40, selective=True)] * 40]
    layers.append(head(A100, s, h, vocabulary, 2))
    counts = [vocabulary * h + s * h, *[12 * h**2 + 13 * h] * 40, vocabulary * h + 2 * h]
    stages = [3] * 10 + [2] * 6
    ends = [0, *accumulate(stages)]
    held = [sum(counts[a:b]) for a, b in pairwise(ends)]
    halves = [NVLINK.half(replicas, 2 * count) for count in held]
    times = [
        t._replace(update=2 * half + update(A100, replicas, count))
        for t, half, count in zip(cut(layers, stages), halves, held, strict=True)
    ]
    size = 2 * s * h
    sends = [way.latency + size / way.bandwidth for way in (NVLINK, CARD) * 8][:15]
    shared = {(stage, "I", microbatches - 1): NVLINK.latency + 2 * size / NVLINK.bandwidth for stage in range(1, 16, 2)}
    assert all(half / (replicas - 1) > shared[1, "I", microbatches - 1] for half in halves)  # the ring shares all of it
    own = sum(microbatches * computing([t]) + (microbatches - 1) * t.adding + t.update for t in times)
    return Count(played(orders, times, sends, range(16), shared=shared), (own + microbatches * 2 * sum(sends)) / 16)


def gpt3_mixed(orders):
    """Two stages of 20 blocks, each shared by four tensor ranks of a node, with rings of eight ranks over four nodes.

    After an action all exchanges of its layers follow: four of a block forward and four backward, one of the embedding
    and of the head. Rings begin after 13 blocks of the first stage, and after the head and 12 blocks of the second;
    there the last send, which goes over the same cards, falls within a round.
    """
    h, s, vocabulary, tensor, data, microbatches = 5120, 2048, 50257, 4, 8, 8
    table = embedding(A100, s, h, vocabulary, s, ranks=tensor)
    block = gpt_block(A100, 1, s, h, 40, selective=True, ranks=tensor)
    last = head(A100, s, h, vocabulary, 2, ranks=tensor)
    exchange = NVLINK.half(tensor, 2 * s * h)

    def with_exchanges(t, count):
        return t._replace(forward=t.forward + count * exchange, input_grad=t.input_grad + count * exchange)

    table, block, last = with_exchanges(table, 1), with_exchanges(block, 4), with_exchanges(last, 1)
    of_block, of_head = (12 * h**2 + 7 * h) // tensor + 6 * h, 12565 * h + 2 * h
    buckets = [[13 * of_block, 7 * of_block + 12565 * h + s * h], [of_head + 12 * of_block, 8 * of_block]]
    assert all(2 * first >= 2e9 > 2 * (first - of_block) for first, _ in buckets)
    rings = [[CARD.half(data, 2 * count, rings=2) for count in some] for some in buckets]
    first, second = added(table, *[block] * 20), added(*[block] * 20, last)
    size = 2 * s * h / tensor
    send, beside = (CARD.latency + flows * size / CARD.bandwidth for flows in (1, 2))
    tails = [added(*[block] * 7, table), added(*[block] * 8)]  # what backward computes beside the first ring
    beside_ring, after_ring = (t.input_grad + t.weight_grad + t.adding for t in reversed(tails))
    a_round = rings[1][0] / (data - 1)
    assert beside_ring < 7 * a_round
    assert CARD.latency < beside_ring % a_round < a_round - beside
    times = [t._replace(update=0) for t in (first, second)]
    end = played(orders, times, [send], range(2), shared={(1, "I", microbatches - 1): beside})
    scattered = max(end, end - after_ring + rings[0][0]) + rings[0][1]
    updates = [update(A100, data, sum(some)) for some in buckets]
    own = sum(microbatches * computing([t]) + (microbatches - 1) * t.adding for t in (first, second))
    total = own + sum(updates) + 2 * sum(map(sum, rings)) + 2 * microbatches * send
    return Count(scattered + updates[0] + sum(rings[0]), total / 2)


def llama_sizes(h, f, vocabulary):
    """Weights of a block, the embedding and the head of a Llama whose heads all have keys and values."""
    return 4 * h**2 + 3 * h * f + 2 * h, vocabulary * h, vocabulary * h + h


def llama_fsdp(_):
    """Only the ends show: gathers of the embedding and the first block, and scatters of both after backward."""
    h, s, vocabulary, f = 4096, 4096, 32000, 11008
    table, block = embedding(A100, s, h, vocabulary), llama_block(A100, 1, s, h, 32, 32, f)
    layers = [table, *[block] * 32, head(A100, s, h, vocabulary, 1)]
    sizes = llama_sizes(h, f, vocabulary)
    of_block, of_table, of_head = (NVLINK.half(8, 2 * size) for size in sizes)
    after = update(A100, 8, 32 * sizes[0] + sum(sizes[1:]))
    every = 32 * of_block + of_table + of_head
    hidden = table.forward + table.input_grad + table.weight_grad
    ends = 2 * (of_table + of_block) - hidden
    return Count(computing(layers) + ends + after, computing(layers) + after + 3 * every)


def mixtral_experts(_):
    """Rings of 16 sum what is dense, by eight cards a node, and pairs the experts, each pair by a card of its own.

    Buckets are the head and four blocks, five times five blocks, and three blocks and the embedding. Only the last one
    is not hidden beside backward. Rows go to the experts and back within a node after all kernels of an action.
    """
    h, s, vocabulary, f = 4096, 4096, 32000, 14336
    table, last = embedding(H200, s, h, vocabulary), head(H200, s, h, vocabulary, 1)
    rows = 4 * (NVLINK4.latency + 7 / 8 * 2 * 2 * s * h / NVLINK4.bandwidth)  # there and back, and so their gradients
    block = mixtral_block(H200, 1, s, h, 32, 8, f, own=1)
    block = block._replace(forward=block.forward + rows / 2, input_grad=block.input_grad + rows / 2)
    dense, expert = 2 * h**2 + 2 * h * h // 4 + 8 * h + 2 * h, 3 * h * f
    of_table, of_head = vocabulary * h, vocabulary * h + h
    buckets = [(of_head + 4 * dense, 4 * expert), *[(5 * dense, 5 * expert)] * 5, (of_table + 3 * dense, 3 * expert)]
    assert all(2 * sum(some) >= 2e9 > 2 * (sum(some) - dense - expert) for some in buckets[:-1])
    rings = [NDR.half(16, 2 * some, rings=8) + NDR.half(2, 2 * pairs) for some, pairs in buckets]
    tail = added(*[block] * 3, table)
    assert rings[-2] < tail.input_grad + tail.weight_grad
    counts = map(sum, zip(*buckets, strict=True))
    step = computing([table, *[block] * 32, last])
    step += sum(update(H200, ranks, count) for ranks, count in zip((16, 2), counts, strict=True))
    return Count(step + rings[-1] + sum(rings), step + 2 * sum(rings))


def llama_context(_):
    """Eight devices share a sequence: keys and values of all go around beside attention, and their gradients back."""
    h, s, vocabulary, f, ranks = 4096, 65536, 32000, 11008, 8
    own = s // ranks
    whole, mine = flash_attention(H100, 1, s, h, h), flash_attention(H100, 1, own, h, h)
    block = llama_block(H100, 1, own, h, 32, 32, f)
    launch = 4e-6  # a share of the products of all tokens, in place of those of its own tokens with each other
    f_more = (whole.forward - launch) / ranks + launch - mine.forward
    b_more = (whole.input_grad - 2 * launch) / ranks + 2 * launch - mine.input_grad
    block = block._replace(forward=block.forward + f_more, input_grad=block.input_grad + b_more)
    again = block._replace(input_grad=block.input_grad + block.forward)
    layers = [embedding(H100, own, h, vocabulary), *[again] * 32, head(H100, own, h, vocabulary, 1)]
    sizes = llama_sizes(h, f, vocabulary)
    of_block, of_table, of_head = (NVLINK4.half(ranks, 2 * size) for size in sizes)
    every = 32 * of_block + of_table + of_head
    step = computing(layers) + update(H100, ranks, 32 * sizes[0] + sum(sizes[1:]))
    around = NVLINK4.half(ranks, 2 * s * h)  # keys, or values
    waited = of_block - layers[0].weight_grad  # the scatter of the first block outlasts the embedding
    return Count(step + waited + of_table + every, step + 2 * every + 32 * (2 + 2 + 4) * around)


def one_card(orders):
    """Two devices send at once through the card of their node; in the last microbatch, two rings of gradients, too."""
    h, s, vocabulary, blocks = 4096, 2048, 50257, 16
    block = gpt_block(A100, 1, s, h, 32, selective=True)
    first = added(embedding(A100, s, h, vocabulary, s), *[block] * blocks)
    second = added(*[block] * blocks, head(A100, s, h, vocabulary, 2))
    alone, microbatches = 2 * s * h / CARD.bandwidth, 4
    times = [t._replace(update=0) for t in (first, second)]
    last = played(
        [row if rank else row[:-1] for rank, row in enumerate(orders)], times, [CARD.latency + 2 * alone], range(2)
    )
    of_block = 2 * CARD.half(4, 2 * (12 * h**2 + 13 * h))  # two rings of half the buffer share a card
    of_table, of_head = (2 * CARD.half(4, 2 * count) for count in (vocabulary * h + s * h, vocabulary * h + 2 * h))
    piece = block.input_grad + block.weight_grad + block.adding
    rounds = of_block / 6
    left = rounds - (blocks * piece - of_head) % rounds  # the rings of the second stage began with its head
    assert 2 * (left - CARD.latency) < 4 * alone  # half as fast from then on, they begin another round meanwhile
    begin = last + 4 * alone  # four flows share the card but for the latency of that round
    end = begin + piece + blocks * of_block + of_table + first.update
    sums = 2 * blocks * of_block + of_table + of_head
    own = sum(microbatches * computing([t]) + (microbatches - 1) * t.adding + t.update for t in (first, second))
    return Count(end, (own + sums + microbatches * 2 * (CARD.latency + alone)) / 2)
