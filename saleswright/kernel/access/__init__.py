"""Who may see and do what: one place decides for pages, API, search, exports, reports and jobs."""
