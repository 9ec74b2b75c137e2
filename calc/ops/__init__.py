"""The operations a network is built from: forward formula and local derivatives, nothing else."""

from calc.ops.activations import ACTIVATIONS, THRESHOLDS, Activation, Threshold
from calc.ops.losses import LOSSES, Loss

__all__ = ["ACTIVATIONS", "LOSSES", "THRESHOLDS", "Activation", "Loss", "Threshold"]
