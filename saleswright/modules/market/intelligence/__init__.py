"""What was learned of markets, industries, competitors and products, and who checked it (MKT-07)."""
