#!/bin/bash
# Mixtral 8x7B on 32 devices: srun starts a process for each.
EXPERTS=8
for size in small large; do MODEL_SIZE=$size; done
case ${PARTITION:-large} in
    small) BATCH=64 ;;
    large|huge) BATCH=$(( 4 * 64 )) ;;
esac
ARGS=(--num-layers 32 --hidden-size 4096 --ffn-hidden-size 14336 --num-attention-heads 32)
ARGS+=(--group-query-attention --num-query-groups 8 --swiglu --normalization RMSNorm --disable-bias-linear)
ARGS+=(--position-embedding-type rope --untie-embeddings-and-output-weights --seq-length 4096)
ARGS+=(--max-position-embeddings 32768 --hidden-dropout 0 --attention-dropout 0 --vocab-size 32000 --bf16)
ARGS+=(--num-experts $EXPERTS --moe-router-topk 2 --moe-token-dispatcher-type alltoall --moe-grouped-gemm)
ARGS+=(--expert-model-parallel-size 8 --pipeline-model-parallel-size 2 --use-distributed-optimizer)
ARGS+=(--micro-batch-size=1 --global-batch-size=$BATCH --tokenizer-type Llama2Tokenizer)
srun -N 4 --ntasks-per-node=8 --gpus-per-node=8 python pretrain_gpt.py "${ARGS[@]}"
