# The default experiment with only depth: a baseline for Delta_m.
_base_ = ['mtl_branched.py']
model = dict(
    decode_head=dict(
        task_heads=dict(_delete_=True, depth={{_base_.model.decode_head.task_heads.depth}})),
    balancer=dict(_delete_=True, type='FixedWeights', weights=dict(depth=0.5)))
val_evaluator = dict(type='MultiTaskMetric', tasks=['depth'])
test_evaluator = val_evaluator
train_dataloader = dict(dataset=dict(targets=('depth',)))
val_dataloader = dict(dataset=dict(targets=('depth',)))
test_dataloader = val_dataloader
