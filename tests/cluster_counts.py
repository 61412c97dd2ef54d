"""The seconds of scenarios 38 to 40 and 54, counted by hand: whole clusters, kernels as in model_counts, and rings.

Of 38, 39 and 54, one device of each stage is counted, since all devices of a stage do the same at the same time.
"""

from itertools import accumulate
from typing import NamedTuple

from degree_counts import CARD, NDR, NVLINK, NVLINK4, computing, llama_sizes, update
from model_counts import A100, H100, Count, Times, added, embedding, gpt_block, head, llama_block, moved, played

TENSOR = 8


class Piece(NamedTuple):
    """A layer, of which a device has an eighth: its weights are in so many arrays."""

    times: Times
    weights: int
    arrays: int


def shared(times, exchange, halves):
    """Add the exchanges between devices that share a layer: so many halves of an all-reduce each way."""
    more = halves * exchange
    return times._replace(forward=times.forward + more, input_grad=times.input_grad + more)


def again(times):
    """Run forward again before backward."""
    return times._replace(input_grad=times.input_grad + times.forward)


def queued(pieces, rings):
    """Return when rings begin, and when the last one ends: one for each piece of backward, one after the other.

    Times are counted from the beginning of the first piece.
    """
    begin, end = [], 0.0
    for ready, ring in zip(accumulate(pieces), rings, strict=True):
        begin.append(max(ready, end))
        end = begin[-1] + ring
    return begin, end


def beside(way, size, part, since):
    """Return how long a send takes beside the rounds of a ring, which shares its link.

    A round has a latency, in which nothing travels, and then a *part* of the ring's bytes. *since* is how long ago a
    round began.
    """
    link, seconds, left = way.bandwidth, way.latency, size  # the send has a latency, too, and the ring goes on in it
    at = (since + way.latency) % (way.latency + part / link)
    quiet, rest = max(0.0, way.latency - at), part - max(0.0, at - way.latency) * link
    while True:
        alone = min(quiet, left / link)
        both = min(rest, left - alone * link)
        seconds, left = seconds + alone + 2 * both / link, left - alone * link - both
        if left <= 0:
            return seconds
        quiet, rest = way.latency, part


def pipelined(gpu, orders, card, replicas, stages, size):
    """Count stages of pieces, each of which begins a ring when it has run backward for the last time.

    A send back goes by the card on which the stage's rings are; its first stage ends with rings, and the update.
    """
    microbatches = 1 + max(microbatch for _, _, microbatch in orders[0])
    send = card.latency + size / card.bandwidth
    rings, late = [], {}
    for number, stage in enumerate(stages):
        backward = [one.times.input_grad + one.times.weight_grad + one.times.adding for one in reversed(stage)]
        own = [2 * card.half(replicas, 2 * one.weights) for one in reversed(stage)]
        begin, end = queued(backward, own)
        rings.append((sum(own), end - sum(backward)))
        current = max(one for one, at in enumerate(begin) if at <= sum(backward) * (1 + 1e-12))
        round_s = own[current] / 2 / (replicas - 1)
        part = 2 * stage[-1 - current].weights / replicas
        late[number, "I", microbatches - 1] = beside(card, size, part, (sum(backward) - begin[current]) % round_s)
    times = [added(*(one.times for one in stage))._replace(update=0) for stage in stages]
    updates = [moved(gpu, 28 * sum(one.weights for one in some), sum(one.arrays for one in some)) for some in stages]
    end = played(orders, times, [send] * (len(stages) - 1), range(len(stages)), shared=late)
    own = sum(microbatches * computing([t]) + (microbatches - 1) * t.adding for t in times)
    total = own + sum(updates) + sum(ring for ring, _ in rings) + microbatches * 2 * send * (len(stages) - 1)
    return Count(end + rings[0][1] + updates[0], total / len(stages))


def gpt3_175b(orders):
    """Eight stages of twelve blocks; the first has the embedding, too, and the last one the head."""
    h, s, vocabulary = 12288, 2048, 50257
    half, own = NVLINK.half(TENSOR, 2 * s * h), -(-vocabulary // TENSOR)
    block = again(shared(gpt_block(A100, 1, s, h, 96, ranks=TENSOR), half, 4))
    of_block = (12 * h**2 + 7 * h) // TENSOR + 6 * h
    first = Piece(shared(embedding(A100, s, h, vocabulary, s, ranks=TENSOR), half, 1), own * h + s * h, 2)
    last = Piece(shared(head(A100, s, h, vocabulary, 2, ranks=TENSOR), half, 1), own * h + 2 * h, 3)
    blocks = [Piece(block, of_block, 16)] * 12
    stages = [[first, *blocks], *[blocks] * 6, [*blocks, last]]
    return pipelined(A100, orders, CARD, 16, stages, 2 * s * h / TENSOR)


def llama3_405b(orders):
    """Sixteen stages of eight layers: embedding and seven blocks, eight blocks, and seven blocks and the head."""
    return llama3(orders, (16384, 128, 53248), [8] * 16, 128, again)


def llama3_70b(orders):
    """Four stages of 20 blocks, of which the first has the embedding, too, and the last one the head."""
    return llama3(orders, (8192, 64, 28672), [21, 20, 20, 21], 4, lambda times: times)


def llama3(orders, widths, layers, replicas, backward):
    """So many layers a stage, embedding and head among them; *backward* adds what backward computes again."""
    (h, heads, f), s, vocabulary = widths, 8192, 128256
    half = NVLINK4.half(TENSOR, 2 * s * h)
    block = backward(shared(llama_block(H100, 1, s, h, heads, 8, f, ranks=TENSOR), half, 4))
    of_block = (2 * h**2 + 2 * h * (8 * h // heads) + 3 * h * f) // TENSOR + 2 * h
    own = vocabulary * h // TENSOR
    first = Piece(shared(embedding(H100, s, h, vocabulary, ranks=TENSOR), half, 1), own, 1)
    last = Piece(shared(head(H100, s, h, vocabulary, 1, ranks=TENSOR), half, 1), own + h, 2)
    stages = [[Piece(block, of_block, 9)] * count for count in layers]
    stages[0][0], stages[-1][-1] = first, last
    return pipelined(H100, orders, NDR, replicas, stages, 2 * s * h / TENSOR)


def straggler(_):
    """All wait for w0, in the ring that scatters gradients and in the one that gathers weights, by eight cards."""
    h, s, vocabulary, f, devices, speed = 4096, 4096, 32000, 11008, 72, 0.8
    layers = [embedding(A100, s, h, vocabulary), *[llama_block(A100, 1, s, h, 32, 32, f)] * 32]
    layers.append(head(A100, s, h, vocabulary, 1))
    of_block, of_table, of_head = llama_sizes(h, f, vocabulary)
    count = 32 * of_block + of_table + of_head
    ring = CARD.half(devices, 2 * count, rings=8)
    own = computing(layers) + update(A100, devices, count)
    return Count(own / speed + 2 * ring, own * (devices - 1 + 1 / speed) / devices + 2 * ring)
