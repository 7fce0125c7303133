"""Ideal customer profiles: what a customer that suits us looks like, and how near each one comes (MKT-02)."""
