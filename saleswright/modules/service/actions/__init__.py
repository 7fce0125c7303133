"""Every write of after-sales service that means something."""
