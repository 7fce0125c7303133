"""Import and export of tables: reading csv and xlsx files, matching their columns to fields, writing them safely."""
