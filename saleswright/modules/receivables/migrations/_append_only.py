"""SQL that keeps the ledger append-only, which each database says in its own way."""

POSTGRESQL = [
    "CREATE FUNCTION receivables_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'entries of the ledger are never changed or deleted'; END $$",
    "CREATE TRIGGER receivables_append_only BEFORE UPDATE OR DELETE ON receivables_ledgerentry "
    "FOR EACH ROW EXECUTE FUNCTION receivables_append_only()",
]
POSTGRESQL_DROP = [
    "DROP TRIGGER receivables_append_only ON receivables_ledgerentry",
    "DROP FUNCTION receivables_append_only()",
]
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'entries of the ledger are never changed or deleted'); END"
#: PostgreSQL empties tables by TRUNCATE, which fires no such trigger; on SQLite a restore deletes row by row,
#: the company first, so entries may go only where there is no company any more
SQLITE = [
    f"CREATE TRIGGER receivables_no_update BEFORE UPDATE ON receivables_ledgerentry {_REFUSE}",
    "CREATE TRIGGER receivables_no_delete BEFORE DELETE ON receivables_ledgerentry "
    f"WHEN EXISTS (SELECT 1 FROM kernel_company) {_REFUSE}",
]
SQLITE_DROP = ["DROP TRIGGER receivables_no_update", "DROP TRIGGER receivables_no_delete"]
