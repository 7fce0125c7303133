"""Everything that is written here, by subject."""
