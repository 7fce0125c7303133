"""Past imports: what files were taken, with what result, and taking back what one of them created."""
