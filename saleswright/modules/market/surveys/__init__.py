"""Questionnaires 问卷: built in the browser, answered on a public page, counted into charts (MKT-04)."""
