"""What is written about customers from their figures, and what is done with segments."""
