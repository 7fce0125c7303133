"""Every write of targets."""
