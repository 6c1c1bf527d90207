# Train the wetness of every pixel. The data set declares the target, the head is of the plugin.
default_scope = "mmseg"
custom_imports = dict(imports=["mtl_plugins", "shares"], allow_failed_imports=False)
epochs = 20

# Grey values of 0 to 254 are shares of 0 to 1, and 255 means that nobody knows.
wetness = dict(type="scalar", range=(0, 1), scale=1 / 254, invalid=(255,))
dataset = dict(
    type="MultiTaskDataset",
    data_root="data/wetness",
    img_suffix=".png",
    targets=dict(wetness=wetness),
)
read = [dict(type="LoadImage"), dict(type="LoadTargets")]
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path="rgb/train", wetness_map_path="wetness/train"),
        pipeline=[*read, dict(type="FlipTargets", prob=0.5), dict(type="PackTargets")],
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path="rgb/val", wetness_map_path="wetness/val"),
        pipeline=[*read, dict(type="PackTargets")],
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="WetnessMetric")
test_evaluator = val_evaluator

model = dict(
    type="MultiTaskSegmentor",
    data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
    backbone=dict(type="TimmEncoder", model_name="resnet18", output_stride=16),
    decode_head=dict(
        type="BranchedHead",
        decoder=dict(type="DeepLabDecoder", channels=64, aspp_rates=(3, 6, 9)),
        task_heads=dict(wetness=dict(type="ShareHead")),
    ),
)

train_cfg = dict(type="SeededTrainLoop", max_epochs=epochs, val_interval=1)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="PolyLR", power=0.9, end=epochs, convert_to_iter_based=True)]
default_hooks = dict(
    checkpoint=dict(type="DurableCheckpointHook", max_keep_ckpts=2, save_best="wetness/close")
)
