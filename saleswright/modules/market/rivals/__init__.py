"""What competitors offer, and at what price beside ours (MKT-05)."""
