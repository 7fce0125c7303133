"""Target markets: how attractive they are, and how large in each period (MKT-01)."""
