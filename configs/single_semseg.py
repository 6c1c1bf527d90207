# The default experiment with only segmentation: a baseline for Delta_m.
_base_ = ['mtl_branched.py']
model = dict(
    decode_head=dict(
        task_heads=dict(
            _delete_=True,
            semseg=dict(type='SegmentationHead'))),
    balancer=dict(_delete_=True, type='FixedWeights', weights=dict(semseg=0.5)))
val_evaluator = dict(type='MultiTaskMetric', tasks=['semseg'])
test_evaluator = val_evaluator
train_dataloader = dict(dataset=dict(targets=('semseg',)))
val_dataloader = dict(dataset=dict(targets=('semseg',)))
test_dataloader = val_dataloader
