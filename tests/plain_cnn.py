"""Small convolutional nets in plain NumPy, place by place: loss and gradients. Nothing here comes from parsim."""

import numpy as np
from plain_training import cross_entropy


def conv(x, w, padding, dy=None):
    """Return the convolution of images with windows; given dy, the gradients of images and windows."""
    side = w.shape[2]
    wide = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    places = wide.shape[2] - side + 1
    y, dwide, dw = np.zeros((len(x), len(w), places, places)), np.zeros_like(wide), np.zeros_like(w)
    for i, j in np.ndindex(places, places):
        window = wide[:, :, i : i + side, j : j + side]
        y[:, :, i, j] = np.tensordot(window, w, ([1, 2, 3], [1, 2, 3]))
        if dy is not None:
            dw += np.tensordot(dy[:, :, i, j], window, (0, 0))
            dwide[:, :, i : i + side, j : j + side] += np.tensordot(dy[:, :, i, j], w, (1, 0))
    inner = slice(padding, padding + x.shape[2])
    return y if dy is None else (dwide[:, :, inner, inner], dw)


def pool(x, dy=None):
    """Return the maximum of each window of 2 x 2; given dy, the gradient of x."""
    half = x.shape[2] // 2
    y, dx = np.zeros((*x.shape[:2], half, half)), np.zeros_like(x)
    for b, c, i, j in np.ndindex(y.shape):
        window = x[b, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        y[b, c, i, j] = window.max()
        if dy is not None:
            at = np.unravel_index(window.argmax(), window.shape)
            dx[b, c, 2 * i + at[0], 2 * j + at[1]] = dy[b, c, i, j]
    return y if dy is None else dx


def norm(x, gain, bias, dy=None):
    """Normalise each channel; given dy, return the gradients of x, gain and bias."""
    over, row = (0, 2, 3), (1, -1, 1, 1)
    r = 1 / np.sqrt(x.var(over, keepdims=True) + 1e-5)
    z = (x - x.mean(over, keepdims=True)) * r
    if dy is None:
        return z * gain.reshape(row) + bias.reshape(row)
    dz = dy * gain.reshape(row)
    dx = r * (dz - dz.mean(over, keepdims=True) - z * (dz * z).mean(over, keepdims=True))
    return dx, (dy * z).sum(over), dy.sum(over)


def cnn(weights, x, labels, blocks, padding, normed):
    """Return the loss and the gradient of each weight; a block has one, or with norms three; the head has two."""
    *middle, w, bias = weights
    each = 3 if normed else 1
    lasts = np.cumsum(blocks) - 1  # a pool stands behind these
    kept = []
    for number in range(len(middle) // each):
        own = middle[number * each : (number + 1) * each]
        c = conv(x, own[0], padding)
        n = norm(c, *own[1:]) if normed else c
        kept.append((x, own, c, n))
        x = np.maximum(n, 0)
        x = pool(x) if number in lasts else x
    mean = x.mean((2, 3))
    loss, back = cross_entropy(mean @ w + bias, labels)
    grads = [mean.T @ back, back.sum(0)]
    dx = np.broadcast_to((back @ w.T)[:, :, None, None] / (x.shape[2] * x.shape[3]), x.shape)
    for number, (came, own, c, n) in reversed([*enumerate(kept)]):
        dx = pool(np.maximum(n, 0), dx) if number in lasts else dx
        dx = dx * (n > 0)
        some = []
        if normed:
            dx, *some = norm(c, *own[1:], dx)
        dx, dw = conv(came, own[0], padding, dx)
        grads = [dw, *some, *grads]
    return loss, grads
