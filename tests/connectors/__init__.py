"""Tests of what is particular to one connector, a connector a file."""
