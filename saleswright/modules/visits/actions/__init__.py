"""What happens to visits, plans, reports and expenses."""
