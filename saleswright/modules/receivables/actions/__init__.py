"""Every write to receivables that means something, by subject."""
