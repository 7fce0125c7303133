"""Files of records: what they are, where their contents lie, how they are previewed."""
