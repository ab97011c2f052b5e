"""What this project takes from llvmlite, typed: it ships no types."""
