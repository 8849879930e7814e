# Chooses lines of pg_restore's list for one pass of a restore by a temporary role (see list_entries in entries.sh).
# A line: `dumpId; tableoid oid TYPE schema name owner`; line breaks in names are blanks there.
# Variables: pass (content, prepared, rights, comments), prepared (file with the names of schemas that are there already).
BEGIN {
  while ((getline line < prepared) > 0) made["- " line] = 1
}
/^;/ || NF < 5 { next }
{
  entry = $0
  sub(/^[0-9]+; [0-9]+ [0-9]+ /, "", entry)
  rights = entry ~ /^(DEFAULT )?ACL /
  comment = entry ~ /^COMMENT - EXTENSION /
  if (pass != "content" && pass != "prepared") {
    if (comment || (rights && pass == "rights")) print
    next
  }
  if ((rights && pass == "content") || comment || entry ~ /^EXTENSION - /) next
  if (sub(/^SCHEMA - /, "- ", entry)) {
    # The rest is the owner, one word: `a b` may be made, and `a` of another owner not.
    for (name in made) if (index(entry, name " ") == 1 && substr(entry, length(name) + 2) !~ / /) next
  }
  print
}
