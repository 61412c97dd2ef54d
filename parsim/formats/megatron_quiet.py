"""Flags of Megatron-LM without an effect on the time of a step, by how their names begin."""

from __future__ import annotations

import re

NUMBERS = (  # of the optimizer, of kernels, and of drawing
    *("lr", "min-lr", "decoupled-", "weight-decay", "start-weight-decay", "end-weight-decay"),
    *("adam-", "sgd-", "clip-grad"),
    *("loss-scale", "initial-loss-scale", "min-loss-scale", "hysteresis", "fp16-lm-cross", "init-method", "seed"),
    *("data-parallel-random-init", "norm-epsilon", "layernorm-epsilon", "apply-layernorm-1p"),
    "calculate-per-token-loss",
    *("rotary-", "rope-scaling", "use-rope-scaling", "fp8-amax", "fp8-margin", "fp8-interval", "fp8-recipe"),
    *("moe-aux-loss", "moe-z-loss", "moe-router-load", "moe-router-dtype", "moe-router-score", "moe-router-pre"),
    "moe-input-jitter",
)
LENGTH = ("train-iters", "train-samples", "exit-", "eval-", "override-", "use-checkpoint-")
DATA = (
    *("data-path", "data-cache", "data-args", "mock-data", "train-data", "valid-data", "test-data"),
    *("split", "dataloader"),
    *("tokenizer-", "vocab-file", "merge-file", "tiktoken-", "num-workers", "no-mmap", "no-create-attention-mask"),
    *("reset-", "eod-", "num-dataset-builder"),
)
FILES = ("save", "load", "no-save-", "no-load-", "finetune", "ckpt-", "dist-ckpt", "use-dist-ckpt", "async-save")
REPORTS = (
    *("log-", "timing-", "tensorboard-", "wandb-", "profile", "use-pytorch-profiler", "no-one-logger", "one-logger"),
    *("enable-one-logger", "check-", "no-check-", "rerun-"),
)
PROCESSES = (
    *("local-rank", "rank", "node-rank", "master-", "rdzv-", "distributed-backend", "distributed-timeout", "manual-gc"),
    *("use-persistent-ckpt", "empty-unused-memory", "deepspeed-config", "no-pipeline-parallel", "ddp-average"),
)
FUSED = (  # kernels that are counted as one, or their names
    *("use-mcore-models", "bias-", "no-bias-", "cross-entropy-loss-fusion", "moe-grouped-gemm", "moe-permute-fusion"),
    *("no-gradient-accumulation-fusion", "no-masked-softmax-fusion", "deterministic-mode", "no-rope-fusion", "spec"),
)
_BEGINNINGS = (*NUMBERS, *LENGTH, *DATA, *FILES, *REPORTS, *PROCESSES, *FUSED)
QUIET = re.compile(rf"--(({'|'.join(map(re.escape, _BEGINNINGS))}).*|deepspeed)")
