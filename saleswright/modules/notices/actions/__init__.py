"""Every write about announcements and meetings that means something."""
