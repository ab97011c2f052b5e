"""Tests of the correlation stages, each against an independent account of the same thing."""
