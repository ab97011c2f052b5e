"""Incidents drawn from seeds, with known truth, and how often a reconstruction finds it.

`world` draws who calls whom; `faults` what goes wrong and `decoys` what else was changed; `physics`
works out what load, saturation, retries and timeouts make of it; `observed` and `requests` what
logs, metrics, spans and alerts see of that; `render` writes the files of five systems; `losses`
takes some away; `scoring` holds a timeline.json against the truth. The generator knows nothing of
the engine: signals come from the fault's physics, and its texts from the software that writes them.
"""
