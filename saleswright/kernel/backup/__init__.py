"""Backup and restore: everything in one zip file, the same for both databases.

`tables/NAME.jsonl` has one JSON array for each row, `media/` the uploaded files, and `manifest.json` names the
migrations that the database had and each table's columns, rows, SHA-256 and last id. Sessions are left out.
"""

from saleswright.kernel.backup.restoring import restore
from saleswright.kernel.backup.rows import Progress, snapshot
from saleswright.kernel.backup.writing import backup

__all__ = ["Progress", "backup", "restore", "snapshot"]
