"""The two schedules of a pipeline that everybody knows (contract, section 5), a line of actions per rank."""


def gpipe(ranks, many):
    """All forwards, then all backwards."""
    return [[f"{r}{op}{m}" for op in "FB" for m in range(many)] for r in range(ranks)]


def one_forward_one_backward(ranks, many):
    """Each rank keeps at most `ranks - rank` microbatches: forwards to warm up, then one backward to one forward."""
    lines = []
    for r in range(ranks):
        warm = min(ranks - r, many)
        line = [f"{r}F{m}" for m in range(warm)]
        for m in range(many):
            line.append(f"{r}B{m}")
            line += [f"{r}F{m + warm}"] if m + warm < many else []
        lines.append(line)
    return lines


SCHEDULES = {"gpipe": gpipe, "1f1b": one_forward_one_backward}
