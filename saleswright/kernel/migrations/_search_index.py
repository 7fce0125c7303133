"""SQL of the search index, which each database keeps in its own way.

Both look a row up by its tokens and by marks of it (see `kernel.search`): `@customers` its kind, `@customers.24` its
kind and bucket of ids, `@u7` its owner, `@d3` its department. No token of a text holds an `@`.
"""

# Splitting a text costs far more than PostgreSQL reckons, so that it would sooner read the whole table than the index;
# the function names the price (and in plpgsql it is not written out). Not being parallel safe it starts no workers, for
# whom a look-up is too short.
POSTGRESQL = [
    "CREATE FUNCTION kernel_search_words(tokens text, kind text, record bigint, owner bigint, department bigint) "
    "RETURNS text[] LANGUAGE plpgsql IMMUTABLE COST 100 AS $$ BEGIN RETURN string_to_array("
    "concat_ws(' ', tokens, '@' || kind, '@' || kind || '.' || (record / 2048), '@u' || owner, '@d' || department), "
    "' '); END $$",
    "CREATE INDEX kernel_search_tokens ON kernel_searchrow "
    "USING gin (kernel_search_words(tokens, resource, record_id, owner_id, department_id))",
]
POSTGRESQL_DROP = ["DROP INDEX kernel_search_tokens", "DROP FUNCTION kernel_search_words"]


def _words(row: str) -> str:
    return (
        f"{row}.tokens || ' @' || {row}.resource || ' @' || {row}.resource || '.' || ({row}.record_id / 2048) "
        f"|| ifnull(' @u' || {row}.owner_id, '') || ifnull(' @d' || {row}.department_id, '')"
    )


_FORGET = f"INSERT INTO kernel_search_fts(kernel_search_fts, rowid, words) VALUES ('delete', old.id, {_words('old')});"
_LEARN = f"INSERT INTO kernel_search_fts(rowid, words) VALUES (new.id, {_words('new')});"
SQLITE = [
    "CREATE VIRTUAL TABLE kernel_search_fts USING fts5(words, content='', "
    "tokenize=\"unicode61 remove_diacritics 0 tokenchars '@.-'\", detail=none)",
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
