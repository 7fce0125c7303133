"""The lead score (LEAD-04): rules that people edit, and a model learned from the company's own outcomes."""
