# The default network on real photographs: potholes and relative depth.
_base_ = ['../_base_/datasets/potholes.py', '../_base_/models/deeplab_branched.py',
          '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(
    backbone=dict(model_name='resnet18'),
    decode_head=dict(
        decoder=dict(channels=64, skip_channels=24),
        task_heads=dict(
            # Potholes are 4 % of the pixels.
            semseg=dict(loss=dict(type='MaskedCrossEntropyLoss', class_weight=(1.0, 4.0))),
            depth=dict(
                codec=dict(type='ExpCodec', min_depth=0.5, max_depth=30.0), initial_depth=1.15))))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=10)
