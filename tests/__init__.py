"""Tests of the whole program, a module or a promise a file."""
