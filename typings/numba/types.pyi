"""What this project takes from numba's types: functions of a C library, called from kernels."""

from typing import Any

uint8: Any
uintp: Any
intc: Any

def CPointer(pointee: Any) -> Any: ...  # noqa: N802 - numba's own name

class ExternalFunction:
    symbol: str

    def __init__(self, symbol: str, sig: Any) -> None: ...
    def __call__(self, *arguments: Any) -> int: ...
