"""The whole customer on one page: panels over what the modules below know, read in few statements."""
