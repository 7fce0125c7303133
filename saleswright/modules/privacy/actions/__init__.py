"""What is done about personal data: requests of the people it is about, erasure, retention."""
