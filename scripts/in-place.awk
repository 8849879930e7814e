# Prepares a dump for a restore in place. Variable: pass.
#
# list: chooses lines of pg_restore's list, all but those of extensions and schemas that stay as they are (variables:
# extensions, schemas, files with their names). A line: `dumpId; tableoid oid TYPE schema name owner`; line breaks in names
# are blanks there.
#
# text: takes BEGIN and COMMIT around the contents of large objects out of the dump's text: there is a transaction already,
# and that COMMIT would end it in the middle. Such a block is known by its first statement, and holds nothing but calls of
# lo_…. Rows of tables pass as they are: they stand between `COPY … FROM stdin;` below its heading, and `\.`.
BEGIN {
  if (pass == "list") {
    while ((getline name < extensions) > 0) stays[name] = 1
    while ((getline name < schemas) > 0) made[name] = 1
  }
}
function release(i) {
  for (i = 1; i <= held; i++) print line[i]
  held = 0
}
pass == "list" {
  entry = $0
  sub(/^[0-9]+; [0-9]+ [0-9]+ /, "", entry)
  if (sub(/^EXTENSION - /, "", entry) || sub(/^COMMENT - EXTENSION /, "", entry)) {
    sub(/ [^ ]*$/, "", entry)
    if (entry in stays) next
  } else if (sub(/^SCHEMA - /, "", entry)) {
    # The rest is the owner, one word: `a b` may be made, and `a` of another owner not.
    for (name in made) if (index(entry, name " ") == 1 && substr(entry, length(name) + 2) !~ / /) next
  }
  print
  next
}
rows { print; if ($0 == "\\.") rows = 0; next }
held == 1 && $0 == "" { line[++held] = $0; next }
held == 2 && /^SELECT pg_catalog\.lo_open\('[0-9]+', [0-9]+\);$/ { held = 0; block = 1; print ""; print; next }
held { release() }
block && $0 == "COMMIT;" { block = 0; next }
block && $0 != "" && !/^SELECT pg_catalog\.lo(_open|write|_close)\(/ { block = 0 }
!block && $0 == "BEGIN;" { line[++held] = $0; next }
/^-- Data for Name: .*; Type: TABLE DATA; / { heading = NR }
/^COPY .* FROM stdin;$/ && NR <= heading + 3 { rows = 1 }
{ print }
END { release() }
