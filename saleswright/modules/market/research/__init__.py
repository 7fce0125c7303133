"""Research projects: a question, how it is answered, what was found, and what follows from it (MKT-03)."""
