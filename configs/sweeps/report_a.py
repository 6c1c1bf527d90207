# Report A's study: optimizer x learning rate, batch size, task weights. Tries `--trials` of the
# 108 combinations, in random order.
from optuna.pruners import NopPruner
from optuna.samplers import BruteForceSampler

direction = 'maximize'
sampler = BruteForceSampler
pruner = NopPruner()  # the tables compare all values, bad ones too
pairs = [('optimizer', 'learning_rate')]


def metric(metrics):
    """mIoU - SI-logRMSE"""
    # The multitask score without its clamps, which short trainings do not reach.
    return metrics['semseg/mIoU'] - metrics['depth/si_log_rmse']


def space(trial):
    optimizer = trial.suggest_categorical('optimizer', ['SGD', 'Adam'])
    rate = trial.suggest_categorical('learning_rate', [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2])
    semseg = trial.suggest_categorical('semseg_weight', [0.33, 0.5, 0.67])
    options = {
        'optim_wrapper.optimizer.type': optimizer,
        'optim_wrapper.optimizer.lr': rate,
        'train_dataloader.batch_size': trial.suggest_categorical('batch_size', [4, 8, 16]),
        'model.balancer.weights.semseg': semseg,
        'model.balancer.weights.depth': round(1 - semseg, 2),
    }
    if optimizer == 'SGD':
        options['optim_wrapper.optimizer.momentum'] = 0.9
    return options
