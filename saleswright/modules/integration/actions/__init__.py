"""What changes subscriptions and deliveries, and what administrators do with jobs and failed events."""
