"""The figures of every device."""

from __future__ import annotations

from typing import Any

from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.ledger import seconds
from parsim.metrics.memory import peaks
from parsim.metrics.training_memory import verdicts, whole


def devices(job: Job, timeline: Timeline) -> list[dict[str, Any]]:
    """Return a mapping for each device, as in section 2 of the contract."""
    workers = job.cluster.workers
    sums, makespan = seconds(timeline, len(workers)), timeline.makespan_s
    rows: list[dict[str, Any]] = [
        {"name": device.name, "stands_for": device.stands_for, "compute_s": 0.0, "transfer_s": 0.0, "idle_s": 0.0}
        for device in job.cluster.devices
    ]
    totals = zip(workers, sums.compute.tolist(), sums.transfer.tolist(), sums.idle.sum(axis=0).tolist(), strict=True)
    for worker, compute, transfer, idle in totals:
        row = rows[worker.device]
        row["compute_s"] += compute
        row["transfer_s"] += transfer
        row["idle_s"] += idle
    for row, device, (peak, memory) in zip(rows, job.cluster.devices, _memory(job, timeline), strict=True):
        row["utilisation"] = row["compute_s"] / (device.slots * makespan) if makespan else 0.0
        row |= {"peak_memory_bytes": peak, "memory": memory}
    return rows


def _memory(job: Job, timeline: Timeline) -> list[tuple[float, dict[str, Any] | None]]:
    """Return the peak of each device, and the verdict and kinds where tasks never wait for memory."""
    if job.memories:
        return [(found["peak_bytes"], found) for found in verdicts(job, timeline)]
    return [(whole(peak), None) for peak in peaks(job, timeline).tolist()]
