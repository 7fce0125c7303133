"""Benchmarks: each measures the product beside the same result by plain SQL, in one run on the same rows."""
