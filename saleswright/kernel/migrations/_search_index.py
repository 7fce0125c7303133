"""SQL of the search index, which each database keeps in its own way."""

# The words of a row: its tokens and its kind. Splitting a text costs far more than PostgreSQL reckons, so that it would
# sooner read the whole table than the index; the function names the price (and in plpgsql it is not written out).
POSTGRESQL = [
    "CREATE FUNCTION kernel_search_words(tokens text, kind text) RETURNS text[] "
    "LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 100 "
    "AS $$ BEGIN RETURN string_to_array(tokens || ' @' || kind, ' '); END $$",
    "CREATE INDEX kernel_search_tokens ON kernel_searchrow USING gin (kernel_search_words(tokens, resource))",
]
POSTGRESQL_DROP = ["DROP INDEX kernel_search_tokens", "DROP FUNCTION kernel_search_words"]
_FORGET = "INSERT INTO kernel_search_fts(kernel_search_fts, rowid, tokens) VALUES ('delete', old.id, old.tokens);"
_LEARN = "INSERT INTO kernel_search_fts(rowid, tokens) VALUES (new.id, new.tokens);"
SQLITE = [
    "CREATE VIRTUAL TABLE kernel_search_fts USING fts5(tokens, content='kernel_searchrow', content_rowid='id', "
    "tokenize='unicode61 remove_diacritics 0', detail=none)",
    f"CREATE TRIGGER kernel_search_added AFTER INSERT ON kernel_searchrow BEGIN {_LEARN} END",
    f"CREATE TRIGGER kernel_search_removed AFTER DELETE ON kernel_searchrow BEGIN {_FORGET} END",
    f"CREATE TRIGGER kernel_search_changed AFTER UPDATE ON kernel_searchrow BEGIN {_FORGET} {_LEARN} END",
]
SQLITE_DROP = [
    "DROP TRIGGER kernel_search_added",
    "DROP TRIGGER kernel_search_removed",
    "DROP TRIGGER kernel_search_changed",
    "DROP TABLE kernel_search_fts",
]
