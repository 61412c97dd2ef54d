"""Precision: the number formats in which a model is trained.

                  weights  activations  gradients  master  optimizer      bytes of a parameter under Adam
    fp64          fp64     fp64         fp64       none    fp64           8 + 8 + 2 x 8      = 32
    fp32          fp32     fp32         fp32       none    fp32           4 + 4 + 2 x 4      = 16
    bf16-mixed    bf16     bf16         bf16       fp32    fp32           2 + 2 + 4 + 2 x 4  = 16
    fp16-mixed    fp16     fp16         fp16       fp32    fp32           2 + 2 + 4 + 2 x 4  = 16
    fp8-mixed     fp8      bf16         bf16       fp32    fp32           1 + 2 + 4 + 2 x 4  = 15

A mixed precision computes with weights of few bytes, and updates a master copy of them in fp32. Micikevicius et al.,
Mixed Precision Training, ICLR 2018; Micikevicius et al., FP8 Formats for Deep Learning, arXiv:2209.05433, 2022.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated

from parsim.core.choice import Choice
from parsim.core.errors import Complaint, Invalid
from parsim.core.rates import Rates

NONE = "none"  # the format of a master copy that is not kept
BYTES = {"fp64": 8, "fp32": 4, "tf32": 4, "bf16": 2, "fp16": 2, "fp8": 1, NONE: 0}
FORMATS = {
    "fp64": "Double precision, 8 bytes.",
    "fp32": "Single precision, 4 bytes.",
    "tf32": "TensorFloat-32: single precision in memory, 4 bytes, multiplied with 10 bits of mantissa.",
    "bf16": "bfloat16, 2 bytes: the range of single precision with 7 bits of mantissa.",
    "fp16": "Half precision, 2 bytes.",
    "fp8": "8 bits, 1 byte.",
}
Format = Annotated[str, Choice(FORMATS)]
MasterFormat = Annotated[str, Choice(FORMATS | {NONE: "No master copy: the weights themselves are updated."})]


@dataclass(frozen=True)
class Precision:
    """The number format of each kind of data of a training."""

    weights: str
    activations: str
    gradients: str
    master: str
    optimizer: str

    @property
    def with_weights(self) -> str:
        """The format in which kernels that multiply by weights compute."""
        return self.weights

    @property
    def without_weights(self) -> str:
        """The format in which all other kernels compute."""
        return self.activations

    def __str__(self) -> str:
        """Return the name of the preset, or all five formats.

        >>> str(PRESETS["fp32"]), str(replace(PRESETS["bf16-mixed"], gradients="fp32"))
        ('fp32', 'weights bf16, activations bf16, gradients fp32, master fp32, optimizer fp32')
        """
        spelt = ", ".join(f"{kind} {name}" for kind, name in asdict(self).items())
        return next((name for name, preset in PRESETS.items() if preset == self), spelt)


PRESETS = {
    "fp64": Precision("fp64", "fp64", "fp64", NONE, "fp64"),
    "fp32": Precision("fp32", "fp32", "fp32", NONE, "fp32"),
    "bf16-mixed": Precision("bf16", "bf16", "bf16", "fp32", "fp32"),
    "fp16-mixed": Precision("fp16", "fp16", "fp16", "fp32", "fp32"),
    "fp8-mixed": Precision("fp8", "bf16", "bf16", "fp32", "fp32"),
}
FP64 = PRESETS["fp64"]
Preset = Annotated[
    str,
    Choice(
        {
            "fp64": "Everything in double precision, as the NumPy kernels compute.",
            "fp32": "Everything in single precision.",
            "bf16-mixed": "Weights, activations and gradients in bfloat16; master weights and optimizer in fp32.",
            "fp16-mixed": "Weights, activations and gradients in half precision; master weights and optimizer in fp32.",
            "fp8-mixed": "Weights in 8 bits, activations and gradients in bfloat16; master and optimizer in fp32.",
        }
    ),
]


@dataclass(frozen=True)
class PrecisionKeys:
    """The keys of a precision: a preset, and what differs from it; or all five formats.

    Parameters
    ----------
    preset : the precision whose formats apply where none is stated here.
    weights : format of the weights that kernels multiply by; these kernels compute in it.
    activations : format of what layers hand on and keep for backward; all other kernels compute in it.
    gradients : format of the gradients of the weights.
    master : format of the copy of the weights that the optimizer updates; none if it updates the weights themselves.
    optimizer : format of the optimizer's state.
    """

    preset: Preset | None = None
    weights: Format | None = None
    activations: Format | None = None
    gradients: Format | None = None
    master: MasterFormat | None = None
    optimizer: Format | None = None

    def stated(self) -> dict[str, str]:
        """Return the formats that are stated here."""
        return {kind.name: name for kind in fields(Precision) if (name := getattr(self, kind.name)) is not None}


PrecisionForm = Preset | PrecisionKeys


def precision_of(form: PrecisionForm | None, peaks: Iterable[Rates]) -> Precision:
    """Return the precision that a scenario asks for; left out, the default on devices of these *peaks*.

    A mapping that leaves a format open raises `Invalid`.

    >>> precision_of(PrecisionKeys("bf16-mixed", gradients="fp32"), []).gradients
    'fp32'
    """
    if form is None:
        return default_of(peaks)
    if isinstance(form, str):
        return PRESETS[form]
    stated = form.stated()
    if form.preset is not None:
        return replace(PRESETS[form.preset], **stated)
    missing = [field.name for field in fields(Precision) if field.name not in stated]
    if missing:
        why = f"without a preset all five formats are needed; missing: {', '.join(missing)}"
        raise Invalid([Complaint((), f"{why}; write for example 'preset: bf16-mixed'")])
    return Precision(**stated)


def default_of(peaks: Iterable[Rates]) -> Precision:
    """Return the default on devices of these *peaks*: bf16-mixed, or fp16-mixed where a device has no peak of bf16.

    It is fp64 where no device states its peak by format, or where no precision of fewer bytes suits all that state one.

    >>> a100, v100 = Rates(by=(("bf16", 312e12), ("fp16", 312e12))), Rates(by=(("fp16", 125e12),))
    >>> [str(default_of(some)) for some in ([a100], [v100], [a100, v100], [Rates(42e9)], [Rates()])]
    ['bf16-mixed', 'fp16-mixed', 'fp16-mixed', 'fp64', 'fp64']
    """
    known = [peak for peak in peaks if peak.known]
    by_format = ("bf16-mixed", "fp16-mixed", "fp32") if any(peak.by for peak in known) else ()
    suiting = (PRESETS[name] for name in by_format if not any(lacking(PRESETS[name], peak) for peak in known))
    return next(suiting, FP64)


def lacking(precision: Precision, peak: Rates) -> list[str]:
    """Return the formats in which kernels of *precision* compute, and of which *peak* has no rate.

    >>> lacking(PRESETS["fp8-mixed"], Rates(by=(("bf16", 312e12),)))
    ['fp8']
    """
    computed = dict.fromkeys((precision.with_weights, precision.without_weights))
    return [name for name in computed if math.isnan(peak.of(name))]
