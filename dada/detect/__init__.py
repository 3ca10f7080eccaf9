"""Scoring audio files with a trained experiment, or with published weights: the work of `dada detect`."""

from dada.detect.detector import Detector
from dada.detect.load import detector_of, of_experiment, of_weights
from dada.detect.origin import Origin
from dada.detect.verdict import Verdict
from dada.detect.words import readable

__all__ = ["Detector", "Origin", "Verdict", "detector_of", "of_experiment", "of_weights", "readable"]
