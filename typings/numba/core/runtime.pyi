"""What compiled code needs while it runs: memory, counted references."""

from typing import Any

class _Runtime:
    def initialize(self, ctx: Any) -> None: ...

rtsys: _Runtime
