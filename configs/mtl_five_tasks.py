# Five tasks in one small network, as on PASCAL-Context: classes, parts of people, saliency, outlines
# and normals.
_base_ = [
    '_base_/datasets/street_scenes_five.py', '_base_/models/deeplab_branched.py',
    '_base_/schedules/epochs.py', '_base_/default_runtime.py']
model = dict(
    channels_last=True,
    backbone=dict(model_name='resnet18'),
    decode_head=dict(
        decoder=dict(channels=64, skip_channels=24),
        task_heads=dict(
            _delete_=True,
            semseg=dict(),
            # Most pixels are background even where there are people.
            parts=dict(loss=dict(type='MaskedCrossEntropyLoss', class_weight=(0.2, 1, 1, 1, 1))),
            saliency=dict(),
            # Outlines are 13 % of the pixels.
            boundary=dict(loss=dict(type='BinaryCrossEntropyLoss', positive_weight=4.0)),
            normals=dict())),
    balancer=dict(type='FixedWeights', weights=dict(
        _delete_=True, semseg=0.5, parts=0.5, saliency=0.5, boundary=0.25, normals=0.5)))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=4)
val_evaluator = [dict(type='MultiTaskMetric'), dict(type='SaliencyMetric', target='saliency')]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='semseg/mIoU'))
