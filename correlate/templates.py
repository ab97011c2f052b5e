"""Log bodies grouped by what stays when the variable parts are left out.

Masking before grouping is the first step of Drain (He et al., ICWS 2017) and is the whole of it
here: a hash of the masked bytes is the template, so that grouping is one pass and needs no tree,
and the same text has the same template in every run and on every machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_LONGEST = 4096  # characters of a body that are looked at
_VARIABLE = re.compile(r"(?<!\w)\w*\d\w*(?:[-.:/][0-9a-fA-F]\w*)*")


def codes(bodies: pa.Array[Any] | pa.ChunkedArray[Any]) -> npt.NDArray[np.uint64]:
    """Give each body its template's 64-bit code, shape (n,); a null body has the empty one's."""
    from . import _template_kernel

    return _template_kernel.hashes(*arrow.letters(bodies))


def text(body: str) -> str:
    """Write one body as its template, for people: variable parts become ``<*>``."""
    return _VARIABLE.sub("<*>", body[:_LONGEST])[:512]
