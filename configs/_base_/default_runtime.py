# Settings that all runs share: registration, logging, checkpoints, pictures.
default_scope = 'mmseg'
custom_imports = dict(imports=['mtl_plugins'], allow_failed_imports=False)

env_cfg = dict(
    cudnn_benchmark=True,
    # OpenCV's threads would compete with the loader's workers.
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # Seconds after which a process gives up waiting for the others.
    dist_cfg=dict(backend='nccl', timeout=600))

visualizer = dict(
    type='Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
log_processor = dict(by_epoch=True, window_size=20)
log_level = 'INFO'
load_from = None
resume = False

default_hooks = dict(
    runtime_info=dict(type='ScalarsHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    checkpoint=dict(
        type='DurableCheckpointHook', interval=1, max_keep_ckpts=2,
        save_best='multitask/score', rule='greater'),
    # What protects a run. A config that lacks one of these gets it; None switches it off.
    safe_checkpoint=dict(type='SafeCheckpointHook'),
    class_check=dict(type='ClassCheckHook'),
    data_check=dict(type='DataCheckHook'),
    depth_check=dict(type='DepthCheckHook'),
    skipped_samples=dict(type='SkippedSamplesHook', limit=100),
    nonfinite=dict(type='NonFiniteHook', limit=10),
    interrupt=dict(type='InterruptHook'),
    faults=dict(type='FaultHook'),
    curves=dict(type='CurvesHook'),
    # Pictures and tables.
    panels=dict(type='PanelHook', num_images=4),
    summary=dict(type='SummaryHook'),
    report=dict(type='ReportHook', num_images=4))
# Yours: a list replaces the one that it inherits, so shipped configs leave it empty.
custom_hooks = []

val_evaluator = dict(type='MultiTaskMetric')
test_evaluator = val_evaluator
