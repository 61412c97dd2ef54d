"""Order one stage of a pipeline that delays its weight gradients: the shape of ZB-H1 and ZB-H2.

F0 F1 F2 I0 F3 I1 W0 F4 I2 W1 I3 W2 I4 W3 W4      warm-up 3, then I and F in turn; W lags by 1
"""

from __future__ import annotations

from parsim.core.op import Op, each


def split_backward(stage: int, microbatches: int, warmup: int, lag: int) -> list[Op]:
    """Order *warmup* forwards, then I and F in turn, where W runs *lag* microbatches later than I.

    >>> print(*split_backward(0, 4, warmup=2, lag=1))
    0F0 0F1 0I0 0F2 0I1 0W0 0F3 0I2 0W1 0I3 0W2 0W3
    """
    forwards, inputs, weights = (each(stage, kind, range(microbatches)) for kind in "FIW")
    order = forwards[:warmup]
    for i in range(microbatches):
        order.append(inputs[i])
        if i >= lag:
            order.append(weights[i - lag])
        order += forwards[i + warmup : i + warmup + 1]
    return order + weights[max(0, microbatches - lag) :]
