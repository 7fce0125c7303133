"""Every write to quotes, contracts and orders that means something, by subject."""
