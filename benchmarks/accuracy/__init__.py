"""Root causes held against public incident benchmarks whose truth is known.

    python -m benchmarks.accuracy SUITE --data DIR [--json]

A suite turns each of its cases into an ordinary incident file and ordinary connector input, without
what would give the answer away, and scores the saved timeline.json. The engine is configured once
for all and knows none of the suites.
"""
