"""`make bench`: run all benchmarks, or those named; print each figure beside its comparator."""
