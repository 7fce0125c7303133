"""Pages that are not generated from one entity."""
