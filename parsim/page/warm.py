"""Importing this module makes the schema and plays small scenarios, so that processes forked afterwards are fast.

fork server  --imports this module once-->  everything loaded  --fork-->  player
"""

from __future__ import annotations

from parsim.page.answer import answer
from parsim.page.request import Request
from parsim.scenario_schema import scenario_schema

STAGES = """
cluster: {devices: 2}
workload: {kind: stages, forward: 1 s, input_grad: 1 s, weight_grad: 1 s}
plan: {schedule: 1f1b, microbatches: 2}
"""
ITEMS = """
cluster: {devices: 2, topology: {kind: star, bandwidth: 1 GB/s}}
workload: {kind: items, count: 2, item: 1 MB}
plan: {split: data}
cost: {kind: constant, compute: 1 s}
"""
TRAINING = """
cluster: {device: a100-80g, topology: {kind: islands, nodes: 1, per_node: 2, bandwidth: 1 GB/s}}
workload: {kind: transformer, width: 64, heads: 2, blocks: 2, vocabulary: 64, sequence: 8, batch: 2}
plan: {data: 2}
"""
SCHEMA = scenario_schema()
for text in (STAGES, ITEMS, TRAINING):
    answer(Request("warm", text), "warm.yaml", SCHEMA)
