"""Golden frames, training and denoisers on other processors: with other vector instructions and numbers of threads.

A sum that is taken in another order rounds differently. Tests must allow for that, and for no more.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
TESTS = ("tests/test_golden.py", "tests/builtins/denoisers", "tests/engine/learning")
OLD = {
    "ATEN_CPU_CAPABILITY": "default",  # torch
    "MKL_CBWR": "COMPATIBLE",  # its products of matrices
    "ONEDNN_MAX_CPU_ISA": "SSE41",  # its convolutions
    "NPY_DISABLE_CPU_FEATURES": " ".join(np.show_config(mode="dicts")["SIMD Extensions"]["found"]),
}
"""Variables that make libraries do without the vector instructions of newer processors."""
PROCESSORS = {
    "old": {**OLD, "OPENBLAS_CORETYPE": "Prescott", "OMP_NUM_THREADS": "1"},
    "old, two threads": {**OLD, "OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "2"},
    "AVX2, two threads": {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "2"},
}


@pytest.mark.slow
@pytest.mark.parametrize("processor", PROCESSORS)
def test_results_do_not_depend_on_the_processor(processor):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # no worker of xdist
    environment = {**kept, "OMP_WAIT_POLICY": "PASSIVE", **PROCESSORS[processor]}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
