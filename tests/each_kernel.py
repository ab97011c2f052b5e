"""Load whatever kernels are compiled, each in a process of its own that has loaded no other.

    python -m tests.each_kernel

Prints how many were loaded and which could not be: LLVM ends a process that names a function of C
which is not known to it (see `nova_timeline.compiled`), so a process is risked for each.
"""

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

import nova_timeline.connectors
import nova_timeline.correlate
from nova_timeline import _digest_kernel


def compiled() -> Iterator[tuple[str, Any, Any]]:
    """Give the kernels that are compiled: name, kernel, and a signature that it is compiled for."""
    packages = (nova_timeline, nova_timeline.connectors, nova_timeline.correlate)
    modules = {
        found.name
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.endswith("__main__")
    }
    for name in sorted(modules):
        for value in vars(importlib.import_module(name)).values():
            if getattr(getattr(value, "py_func", None), "__module__", None) == name:
                kept = value._cache._cache_file._load_index()
                for key in sorted(kept, key=str)[:1]:
                    yield f"{name}.{value.py_func.__name__}", value, key[0]


def is_loaded(kernel: Any, signature: Any) -> bool:
    """Load a kernel in a copy of this process and say whether that went well."""
    copy = os.fork()
    if copy == 0:
        os._exit(kernel._cache.load_overload(signature, kernel.targetctx) is None)
    return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 0


def main() -> None:
    """Try them all."""
    _digest_kernel.linked()
    tried = [(name, is_loaded(kernel, signature)) for name, kernel, signature in [*compiled()]]
    failed = sorted(name for name, loaded in tried if not loaded)
    json.dump({"tried": len(tried), "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main()
