"""Django's SQLite backend with one write lock for all threads of the process and the command line."""
