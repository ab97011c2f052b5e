"""The kernel that numbers the series of generated events (imports numba)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel


@kernel()
def number(
    kind: npt.NDArray[Any],
    entity: npt.NDArray[Any],
    severity: npt.NDArray[Any],
    template: npt.NDArray[Any],
    out: npt.NDArray[np.int32],
    first: int,
    stop: int,
) -> None:
    """Number (entity, severity, template % 32) from 0 for the logs, kind 0; -1 for all others."""
    kind, entity, severity = kind[first:stop], entity[first:stop], severity[first:stop]
    template, out = template[first:stop], out[first:stop]
    for i in range(out.shape[0]):
        code = (entity[i] * 5 + severity[i]) * 32 + (template[i] & 31)
        out[i] = code if kind[i] == 0 else -1
