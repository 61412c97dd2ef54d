#!/bin/bash
# Llama 3 8B on one node, with branches that variables of the script decide.
OUT=${1:-"checkpoints/llama3"}
DATA=${2:-MOCK}
mkdir -p "$(dirname "$OUT")"

GPUS=8
TP=2
CP=1
LAYERS=32
TYPE="bf16"
LAUNCH=(--nproc_per_node "$GPUS" --nnodes 1 --node_rank ${NODE_RANK:-0})
MODEL=(
    --use-mcore-models
    --num-layers $LAYERS
    --hidden-size 4096 --ffn-hidden-size 14336
    --num-attention-heads 32
    --group-query-attention --num-query-groups 8
    --kv-channels 128
    --seq-length 8192 --max-position-embeddings 8192
    --position-embedding-type rope --rotary-base 500000
    --normalization RMSNorm --swiglu
    --untie-embeddings-and-output-weights --disable-bias-linear
    --attention-dropout 0.0 --hidden-dropout 0.0
    # --add-qkv-bias
)
TRAIN=(--micro-batch-size 1 --global-batch-size 128 --lr 0.00015 --manual-gc)
if [[ "$TYPE" == "bf16" ]]; then
    TRAIN+=("--bf16" "--grad-reduce-in-bf16")
elif [[ $TYPE == fp16 ]]; then
    TRAIN+=(--fp16)
fi
PARALLEL="--tensor-model-parallel-size ${TP} --context-parallel-size ${CP} \
    --sequence-parallel"
SHARED=(--use-distributed-optimizer --overlap-grad-reduce)
TRAIN+=("${SHARED[@]}")
if [ "$DATA" = MOCK ] || [ -z "$DATA" ]; then
    TOKENS=("--mock-data" "--tokenizer-type NullTokenizer" "--vocab-size 128255")
else
    TOKENS=("--data-path $DATA" "--vocab-size 100")
fi
if [ -n "$WANDB_KEY" ]; then
    TRAIN+=(--wandb-project llama)
fi
if [ ! -f pretrain_gpt.py ]; then
    echo "start this from the root of the repository"; exit 1
fi
torchrun ${LAUNCH[@]} pretrain_gpt.py ${MODEL[@]} ${TRAIN[@]} $PARALLEL ${TOKENS[@]} --tp-comm-overlap --save "$OUT"
