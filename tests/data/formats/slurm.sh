#!/bin/bash
#SBATCH --job-name=llm --nodes=16
#SBATCH --ntasks-per-node=1        # one launcher a node
#SBATCH --gres=gpu:a100:8
#SBATCH -t 24:00:00
set -x -e
source $HOME/environment
HEAD=$(scontrol show hostnames $SLURM_JOB_NODELIST | head -n 1)
NNODES=$SLURM_NNODES
PP_SIZE=4
TP_SIZE=4
NLAYERS=40; NHIDDEN=5120
OPTIMIZER_ARGS=" \
    --optimizer adam --adam-beta1 0.9 \
    --lr 1e-4 \
    "
GPT_ARGS=" \
    --num-layers $NLAYERS \
    --hidden-size $NHIDDEN \
    --num-attention-heads 40 \
    --seq-length 2048 --max-position-embeddings 2048 \
    --micro-batch-size 2 --global-batch-size 512 \
    --bf16 \
    --num-layers-per-virtual-pipeline-stage 5 \
    --vocab-size 50257 \
    $OPTIMIZER_ARGS \
    "
LAUNCHER="python -u -m torch.distributed.run \
    --nproc_per_node 8 --nnodes $NNODES \
    --rdzv_endpoint $HEAD:6000 \
    "
export CMD=" \
    `pwd`/pretrain_gpt.py \
    --tensor-model-parallel-size $TP_SIZE --pipeline-model-parallel-size $PP_SIZE \
    --use-distributed-optimizer --sequence-parallel --recompute-activations \
    $GPT_ARGS \
    "
srun --jobid $SLURM_JOBID bash -c "$LAUNCHER --node_rank \$SLURM_PROCID $CMD" 2>&1 | tee log.txt
