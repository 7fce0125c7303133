"""Every write that means something, by subject."""
