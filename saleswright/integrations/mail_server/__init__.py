"""The mail server by which notices go out: set up by administrators, unless the environment fixes it."""
