"""The kernel that copies stretches of bytes, one after another (imports numba)."""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel


@kernel()
def copy(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
) -> None:
    """Copy the stretch of data that begins at ``starts[i]`` to ``out[bounds[i]:bounds[i + 1]]``."""
    for i in range(len(starts)):
        # Indices without a sign cannot count from the end, so that many bytes are copied at a time.
        first, at = np.uint64(starts[i]), np.uint64(bounds[i])
        for k in range(np.uint64(bounds[i + 1]) - at):
            out[at + k] = data[first + k]
