"""REST under /api/v1/, generated from the entities; answers are problem documents when they refuse."""
