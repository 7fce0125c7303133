"""What is done to pools and with what is in them."""
