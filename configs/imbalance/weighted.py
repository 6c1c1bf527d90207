# Cross-entropy with the weights that `tools/check_data.py configs/mtl_branched.py --weights` wrote.
_base_ = ['cross_entropy.py']
model = dict(decode_head=dict(task_heads=dict(semseg=dict(loss=dict(
    type='MaskedCrossEntropyLoss', class_weight='configs/imbalance/weights.json')))))
