"""Training once more, in plain NumPy on 64-bit floats: losses, every gradient and every update, without any kernel.

An MLP and a decoder, each as one function from weights to the loss and the gradients of all weights, in the order in
which parsim draws them; backward is written by hand, position by position where that is the plainest.
"""

import math

import numpy as np

SLOPE = math.sqrt(2 / math.pi)  # of gelu: x / 2 (1 + tanh(SLOPE (x + 0.044715 x^3)))


def relu(x):
    return np.where(x > 0, x, 0.0), np.where(x > 0, 1.0, 0.0)


def gelu(x):
    """Return gelu of x, and its derivative."""
    t = np.tanh(SLOPE * (x + 0.044715 * x**3))
    return x / 2 * (1 + t), (1 + t) / 2 + x / 2 * (1 - t**2) * SLOPE * (1 + 3 * 0.044715 * x**2)


def cross_entropy(logits, labels):
    """Return the mean loss of rows, and its gradient by the logits."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    right = np.eye(logits.shape[-1])[labels]
    return float(-np.log((shares * right).sum(axis=-1)).mean()), (shares - right) / labels.size


def mlp(weights, x, labels, activation):
    """Return the loss and the gradient of each matrix."""
    act, came, slopes = {"relu": relu, "gelu": gelu}[activation], [x], []
    for w in weights[:-1]:
        y, slope = act(came[-1] @ w)
        came.append(y)
        slopes.append(slope)
    loss, back = cross_entropy(came[-1] @ weights[-1], labels)
    grads = []
    for number in reversed(range(len(weights))):
        grads.insert(0, came[number].T @ back)
        if number:
            back = back @ weights[number].T * slopes[number - 1]
    return loss, grads


def norm_rows(x, gain, bias):
    z = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return z * gain + bias


def norm_back(x, gain, dy):
    """Return the gradients of x, gain and bias."""
    n, r = x.shape[-1], 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    z = (x - x.mean(-1, keepdims=True)) * r
    dz = dy * gain
    dx = r * (n * dz - dz.sum(-1, keepdims=True) - z * (dz * z).sum(-1, keepdims=True)) / n
    return dx, (dy * z).sum((0, 1)), dy.sum((0, 1))


def look(q, k, v, dy=None):
    """Attend in one sequence with one head, a position at a time; given dy, return the gradients of q, k and v."""
    y, dq, dk, dv = (np.zeros_like(q) for _ in range(4))
    for here in range(len(q)):
        seen = slice(0, here + 1)
        shares = np.exp(k[seen] @ q[here] / math.sqrt(q.shape[1]))
        shares /= shares.sum()
        y[here] = shares @ v[seen]
        if dy is not None:
            dv[seen] += np.outer(shares, dy[here])
            dshares = v[seen] @ dy[here]
            dscores = shares * (dshares - shares @ dshares) / math.sqrt(q.shape[1])
            dq[here] = dscores @ k[seen]
            dk[seen] += np.outer(dscores, q[here])
    return y if dy is None else (dq, dk, dv)


def attend(heads, *arrays):
    """Let every head of every sequence look at its own columns."""
    found = [np.zeros_like(arrays[0]) for _ in range(3 if len(arrays) == 4 else 1)]
    width = arrays[0].shape[2] // heads
    for row in range(len(arrays[0])):
        for head in range(heads):
            mine = row, slice(None), slice(head * width, (head + 1) * width)
            made = look(*(array[mine] for array in arrays))
            for whole, part in zip(found, made if len(arrays) == 4 else (made,), strict=True):
                whole[mine] = part
    return found


def outer(x, dy):
    return np.einsum("bsi,bso->io", x, dy)


def block(x, weights, heads):
    gain1, bias1, wq, wk, wv, wo, gain2, bias2, w1, w2 = weights
    n1 = norm_rows(x, gain1, bias1)
    q, k, v = n1 @ wq, n1 @ wk, n1 @ wv
    (a,) = attend(heads, q, k, v)
    r = x + a @ wo
    n2 = norm_rows(r, gain2, bias2)
    u = n2 @ w1
    return r + gelu(u)[0] @ w2, (x, n1, q, k, v, a, r, n2, u)


def block_back(dy, kept, weights, heads):
    gain1, _, wq, wk, wv, wo, gain2, _, w1, w2 = weights
    x, n1, q, k, v, a, r, n2, u = kept
    g, slope = gelu(u)
    du = dy @ w2.T * slope
    dr, dgain2, dbias2 = norm_back(r, gain2, du @ w1.T)
    dr = dr + dy
    dq, dk, dv = attend(heads, q, k, v, dr @ wo.T)
    dx, dgain1, dbias1 = norm_back(x, gain1, dq @ wq.T + dk @ wk.T + dv @ wv.T)
    matrices = [outer(n1, dq), outer(n1, dk), outer(n1, dv), outer(a, dr)]
    return dx + dr, [dgain1, dbias1, *matrices, dgain2, dbias2, outer(n2, du), outer(g, dy)]


def transformer(weights, tokens, labels, heads):
    """Return the loss and the gradient of each weight; ten of a block stand between table and head."""
    table, *middle, gain, bias, w = weights
    blocks = [middle[first : first + 10] for first in range(0, len(middle), 10)]
    x, saved = table[tokens], []
    for one in blocks:
        x, kept = block(x, one, heads)
        saved.append(kept)
    n = norm_rows(x, gain, bias)
    loss, back = cross_entropy(n @ w, labels)
    dw = outer(n, back)
    back, dgain, dbias = norm_back(x, gain, back @ w.T)
    grads = [dgain, dbias, dw]
    for one, kept in zip(reversed(blocks), reversed(saved), strict=True):
        back, some = block_back(back, kept, one, heads)
        grads = some + grads
    dtable = np.zeros_like(table)
    for place in np.ndindex(tokens.shape):
        dtable[tokens[place]] += back[place]
    return loss, [dtable, *grads]


def train(step, weights, iterations, optimizer, rate):
    """Return each iteration's loss, gradients, and weights after it."""
    weights, first, second, found = list(weights), [0.0] * len(weights), [0.0] * len(weights), []
    for t in range(1, iterations + 1):
        loss, grads = step(weights)
        for i, grad in enumerate(grads):
            if optimizer == "sgd":
                weights[i] = weights[i] - rate * grad
            else:
                first[i] = 0.9 * first[i] + 0.1 * grad
                second[i] = 0.999 * second[i] + 0.001 * grad**2
                mean, square = first[i] / (1 - 0.9**t), second[i] / (1 - 0.999**t)
                weights[i] = weights[i] - rate * mean / (np.sqrt(square) + 1e-8)
        found.append((loss, grads, list(weights)))
    return found
