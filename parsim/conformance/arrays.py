"""Rules for classes of kernels: shapes, prices, gradients by finite differences, no stored state, no changed arguments.

dx                         the result of input_grad
(f(x + h) - f(x - h)) / 2h      f = sum of output x random gradient, for each number of each array
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.core.errors import ANYTHING, shown, told
from parsim.core.evaluation import alike
from parsim.core.kernel import Array, Kernel, Part, Shape, run
from parsim.core.precision import PRESETS
from parsim.entries.external import aside
from parsim.kernels import kernels
from parsim.scenario.schema import check as read

SEEDS = (0, 1)
STEP = 6e-6  # about the cube root of the machine epsilon, where rounding and curvature errors are equal
CLOSE = 1e-6  # relative
NUMBER: Shape = ()
BF16 = PRESETS["bf16-mixed"]


class Sample(NamedTuple):
    """A kernel with arrays from its `sample`, and a random gradient of its output."""

    kernel: Kernel
    call: Callable[..., Any]  # (method, *arguments); exceptions are reported with their line
    arrays: tuple[Array, ...]
    grad: Array

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the arrays."""
        return tuple(map(np.shape, self.arrays))

    def given(self, part: Part) -> tuple[Array, ...]:
        """Return the arguments of a part."""
        return self.arrays if part == "forward" else (self.grad, *self.arrays)

    def run(self, part: Part, kernel: Kernel | None = None) -> Any:
        """Run a part of this kernel or of a copy."""
        return self.call(partial(run, kernel or self.kernel), part, self.given(part))


def cases(entry: str) -> list[Case]:
    """Return the cases of a class of kernels."""
    asking: dict[str, Callable[[str], Found]] = {
        "the output has the shape that shape() returns": outputs,
        "FLOP and bytes of every part": prices,
        "every part twice, and once in a pickled copy": again,
        "no part changes its arrays": untouched,
        "gradients against finite differences": gradients,
        "arrays of other shapes are accepted, or refused with ValueError": refusals,
    }
    return [Case(name, partial(ask, entry)) for name, ask in asking.items()]


def takes_numbers(entry: str) -> bool:
    """Return whether forward takes one element, which may be a number."""
    try:
        kernel = _kernel(entry)
        return kernel.shape(NUMBER) == NUMBER and len(kernel.sample(np.random.default_rng(0))) == 1
    except ANYTHING:
        return False  # other cases report this error


def _kernel(entry: str) -> Kernel:
    made = kernels[entry]
    kernel = made(**read(made, asked(made, (), {})))
    assert isinstance(kernel, Kernel)
    return kernel


def samples(entry: str) -> Iterator[Sample]:
    """Draw arrays for a kernel."""
    who = who_of("kernels", entry, "kernel")
    for seed in SEEDS:
        draw, kernel = np.random.default_rng(seed), _kernel(entry)

        def call(method: Callable[..., Any], *arguments: Any) -> Any:
            return who.call(method, "", *arguments)

        arrays = call(kernel.sample, draw)
        if not isinstance(arrays, tuple):
            raise who.error(f"returns {shown(arrays)} from sample; return a tuple of arrays")
        shape = call(kernel.shape, *map(np.shape, arrays))
        yield Sample(kernel, call, arrays, draw.standard_normal(shape))


def parts(sample: Sample) -> list[Part]:
    """Return the parts that a kernel has."""
    found: list[Part] = ["forward"]
    inputs = sample.arrays[: len(sample.arrays) - sample.kernel.weights]
    if type(sample.kernel).input_grad is not Kernel.input_grad and any(map(_has_gradient, inputs)):
        found.append("input_grad")
    return [*found, "weight_grad"] if sample.kernel.weights else found


def _has_gradient(array: Array) -> bool:
    return np.asarray(array).dtype.kind == "f"


def outputs(entry: str) -> Found:
    """Compare the output's shape with `shape`."""
    return found(
        f"makes an output of shape {np.shape(output)} from {sample.shapes}, but shape returns {said}"
        for sample in samples(entry)
        for output, said in [(sample.run("forward"), sample.call(sample.kernel.shape, *sample.shapes))]
        if np.shape(output) != said
    )


def prices(entry: str) -> Found:
    """Check FLOP and bytes; a part that only copies has no FLOP."""
    broken, told = list[str](), list[str]()
    for sample in samples(entry):
        told = []
        for part in parts(sample):
            flops, size = (
                sample.call(price, part, *sample.shapes) for price in (sample.kernel.flops, sample.kernel.bytes)
            )
            if not (math.isfinite(flops) and flops >= 0):
                broken.append(f"says {flops} FLOP for {part}; return a finite number, 0 or more")
            if not (math.isfinite(size) and size > 0):
                broken.append(f"says {size} bytes for {part}; return a finite number above 0")
            broken += _about_counts(sample, part, flops)
            told.append(f"{part} {flops:g} FLOP, {size:g} B")
    return found(broken, "; ".join(told))


def _about_counts(sample: Sample, part: Part, flops: float) -> Iterator[str]:
    """Check what a library's kernels would do: products, bytes, launches, and the inputs that backward reads."""
    kernel, shapes = sample.kernel, sample.shapes
    products = math.fsum(product.flop for product in sample.call(kernel.products, part, *shapes))
    if not products <= flops:
        yield f"says {products:g} FLOP of products for {part}, and {flops:g} FLOP in all"
    for name, number in (
        ("bytes moved", sample.call(kernel.moved, part, BF16, *shapes)),
        ("launches", sample.call(kernel.launches, part, *shapes)),
        ("bytes saved", sample.call(kernel.saved, BF16, *shapes)),
    ):
        if not (math.isfinite(number) and number >= 0):
            yield f"says {number} {name} for {part}; return a finite number, 0 or more"
    inputs = len(shapes) - kernel.weights
    if not set(sample.call(kernel.reads, part, inputs)) <= set(range(inputs)):
        yield f"reads inputs {list(kernel.reads(part, inputs))} for {part}; it has {inputs}, the first with number 0"


def again(entry: str) -> Found:
    """Run every part twice, and once in a pickled copy."""
    broken = []
    for sample in samples(entry):
        try:
            copy = pickle.loads(pickle.dumps(sample.kernel))
        except ANYTHING as error:
            return found([f"cannot be sent to a worker process: {told(error)}; keep only numbers and texts in self"])
        for part in parts(sample):
            first = sample.run(part)
            if not alike(first, sample.run(part)):
                broken.append(f"{part} returns something else when it runs again on the same arrays")
            if not alike(first, sample.run(part, copy)):
                broken.append(f"{part} returns something else after pickling, as in a worker process")
    return found(broken)


def untouched(entry: str) -> Found:
    """Compare the arrays after a call with copies made before."""
    broken = []
    for sample in samples(entry):
        for part in parts(sample):
            before = [np.copy(array) for array in sample.given(part)]
            sample.run(part)
            broken += [
                f"{part} changes its argument number {number}; work on a copy"
                for number, (old, new) in enumerate(zip(before, sample.given(part), strict=True))
                if not np.array_equal(old, new)
            ]
    return found(broken)


def gradients(entry: str) -> Found:
    """Compare each gradient with central differences."""
    broken, worst, names = list[str](), 0.0, list[str]()
    for sample in samples(entry):
        inputs = len(sample.arrays) - sample.kernel.weights
        which: dict[Part, list[int]] = {
            "input_grad": [index for index in range(inputs) if _has_gradient(sample.arrays[index])],
            "weight_grad": list(range(inputs, len(sample.arrays))),
        }
        names = [part for part in parts(sample) if part != "forward"]
        for part in parts(sample)[1:]:
            made, arrays = sample.run(part), which[part]
            if not isinstance(made, tuple) or len(made) != len(arrays):
                many = f"{len(made)} gradients" if isinstance(made, tuple) else f"a {type(made).__name__}"
                broken.append(f"{part} returns {many}; return a tuple of {len(arrays)} gradients")
                continue
            for index, gradient in zip(arrays, made, strict=True):
                words, error = _about_gradient(sample, index, gradient)
                broken += [f"{part}, array {index}: {word}" for word in words]
                worst = max(worst, error)
    return found(broken, f"off by {worst:.1e}" if names else "no gradients")


def _about_gradient(sample: Sample, index: int, gradient: Any) -> tuple[list[str], float]:
    if np.shape(gradient) != sample.shapes[index]:
        return [f"the gradient has shape {np.shape(gradient)}, the array {sample.shapes[index]}"], 0.0
    measured = differences(sample, index)
    error = float(np.linalg.norm(np.ravel(gradient - measured)) / max(float(np.linalg.norm(measured.ravel())), 1e-300))
    if error <= CLOSE:
        return [], error
    at = np.unravel_index(np.argmax(np.abs(gradient - measured)), measured.shape)
    where = tuple(map(int, at))
    return [
        f"off by {error:.1e}: {gradient[at]:.6g} at {where}, where finite differences give {measured[at]:.6g}"
    ], error


def differences(sample: Sample, index: int) -> Array:
    """Return the gradient of the loss with respect to array *index* by central differences."""
    measured = np.empty(sample.shapes[index])
    for at in np.ndindex(measured.shape):
        high, low = (_loss(sample, index, at, step) for step in (STEP, -STEP))
        measured[at] = (high - low) / (2 * STEP)
    return measured


def _loss(sample: Sample, index: int, at: tuple[int, ...], step: float) -> float:
    arrays = [np.copy(array) for array in sample.arrays]
    arrays[index][at] += step
    return float(np.sum(sample.grad * sample.call(sample.kernel.forward, *arrays)))


def refusals(entry: str) -> Found:
    """Call `shape` with shapes that may not match: it raises ValueError, or forward accepts the arrays."""
    broken, refused = list[str](), 0
    sample = next(samples(entry))
    for arrays in _misfits(sample.arrays):
        shapes = tuple(map(np.shape, arrays))
        counted = (TypeError,) if len(arrays) != len(sample.arrays) else ()
        try:
            with aside():
                said = sample.kernel.shape(*shapes)
        except (ValueError, *counted):
            refused += 1
            continue
        except ANYTHING as error:
            broken.append(f"shape raises for {shapes}: {told(error)}; raise ValueError")
            continue
        broken += _about_taken(sample, arrays, said)
    return found(broken, f"{refused} refused")


def _about_taken(sample: Sample, arrays: Sequence[Array], said: Shape) -> list[str]:
    shapes = tuple(map(np.shape, arrays))
    try:
        with aside():
            made = np.shape(sample.kernel.forward(*arrays))
    except ANYTHING as error:
        return [f"shape returns {said} for {shapes}, but forward raises {told(error)}; raise ValueError"]
    return [] if made == said else [f"shape returns {said} for {shapes}, but forward makes {made}; raise ValueError"]


def _misfits(arrays: Sequence[Array]) -> Iterator[list[Array]]:
    """Yield changed shapes: one array with a longer axis, one axis less or more; one array less or more."""
    yield []
    yield [*arrays, np.zeros((7, 11))]
    for index, array in enumerate(arrays):
        shape = np.shape(array)
        others = [(*shape[:axis], shape[axis] + 1, *shape[axis + 1 :]) for axis in range(len(shape))]
        others += [shape[1:], (2, *shape)]
        yield from ([*arrays[:index], np.resize(array, other), *arrays[index + 1 :]] for other in others)
        yield [*arrays[:index], *arrays[index + 1 :]]
