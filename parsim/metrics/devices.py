"""The figures of every device."""

from __future__ import annotations

from typing import Any

from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.ledger import seconds
from parsim.metrics.memory import peaks


def devices(job: Job, timeline: Timeline) -> list[dict[str, Any]]:
    """Return a mapping for each device, as in section 2 of the contract."""
    workers = job.cluster.workers
    sums, peak, makespan = seconds(timeline, len(workers)), peaks(job, timeline), timeline.makespan_s
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
    for row, device, bytes_ in zip(rows, job.cluster.devices, peak.tolist(), strict=True):
        row["utilisation"] = row["compute_s"] / (device.slots * makespan) if makespan else 0.0
        row["peak_memory_bytes"] = int(bytes_) if float(bytes_).is_integer() else bytes_
    return rows
