"""What this project takes from numba's core, typed."""
