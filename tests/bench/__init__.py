"""Benchmarks: every figure beside its comparator, measured in the same run."""
