# Which entries of an archive bring some of its tables. Reads the output of `pg_restore --list --verbose`, which has the
# dependencies of each entry: `dumpId; tableoid oid TYPE schema name owner`, then `;<TAB>depends on: ids`.
# Kinds are told by the number of the catalogue as well (1259 is pg_class), so that no name is taken for one.
# Variables: chosen (file with the lines of the wanted tables, and of the sequences of wanted schemas), later (file with the
# lines of the section post-data), prepared (file with the names of schemas that are there already).
# Prints `list<TAB>line`:
#   schema  the schemas that the tables and what they need are in
#   needed  definitions: the tables, their sequences and defaults, and whatever those depend on
#   extra   other functions and types: bodies of functions may use them, which no catalogue knows; they may fail
#   data    rows, positions of sequences, and then keys, indexes, statistics and comments of the tables
# and `left<TAB>words` for what belongs to the tables and is left out, `child<TAB>schema name` for tables built on them.

function read_lines(file, into, line) {
  while ((getline line < file) > 0) if (line ~ /^[0-9]+; /) into[line + 0] = line
  close(file)
}

function first_of(text, kinds) { return match(text, kinds) ? substr(text, 1, RLENGTH - 1) : "" }

BEGIN {
  without_catalogue = "^(TABLE DATA|TABLE ATTACH|SEQUENCE SET|SEQUENCE OWNED BY|INDEX ATTACH|COMMENT|ROW SECURITY) "
  with_catalogue = "^(FK CONSTRAINT|CHECK CONSTRAINT|CONSTRAINT|DEFAULT|STATISTICS|TRIGGER|RULE|POLICY|SCHEMA|TYPE|DOMAIN" \
    "|SHELL TYPE|FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|COLLATION) "
  read_lines(chosen, wanted)
  read_lines(later, post)
  if (prepared != "") while ((getline name < prepared) > 0) made["- " name] = 1
}

/^[0-9]+; / {
  id = $1 + 0
  order[++count] = id
  line[id] = $0
  rest = $0
  sub(/^[0-9]+; [0-9]+ [0-9]+ /, "", rest)
  entry[id] = rest
  catalogue[id] = $2
  if ($2 == 1259) kind[id] = rest ~ /^(MATERIALIZED|FOREIGN) / ? "" : $4
  else if ($2 == 0) kind[id] = first_of(rest, without_catalogue)
  else kind[id] = first_of(rest, with_catalogue)
}

/^;\tdepends on:/ {
  depends = $0
  sub(/^[^:]*: */, "", depends)
  needs[id] = depends
}

# Does it hang on one of these? on all of these?
function hangs_on(id, these, list, n, i) {
  n = split(needs[id], list, " ")
  for (i = 1; i <= n; i++) if (list[i] in these) return 1
  return 0
}

function hangs_only_on(id, these, list, n, i) {
  n = split(needs[id], list, " ")
  for (i = 1; i <= n; i++) if (list[i] in line && !(list[i] in these)) return 0
  return n > 0
}

# Does each of its two indexes belong to a chosen table?
function joins_chosen(id, list, n, i) {
  n = split(needs[id], list, " ")
  for (i = 1; i <= n; i++) if (kind[list[i]] ~ /^(INDEX|CONSTRAINT)$/ && !hangs_on(list[i], tables)) return 0
  return n > 0
}

# With everything it depends on; by hand, because an archive may be deeper than an awk can recurse.
function take(id, stack, top, list, n, i) {
  stack[top = 1] = id
  while (top > 0) {
    id = stack[top--]
    if (id in taken || !(id in line)) continue
    taken[id] = 1
    n = split(needs[id], list, " ")
    for (i = 1; i <= n; i++) stack[++top] = list[i]
  }
}

# Its name without schema, table and owner where it is of a chosen table, whose line is `schema table owner`; what hangs on
# two tables belongs to the one it names. Owners may have spaces.
function own_name(id, table, text, own, i, start, owner) {
  text = substr(entry[id], length(kind[id]) + 2)
  own = substr(entry[table], length(kind[table]) + 2)
  for (i = length(own); i > 0; i--) {
    if (substr(own, i, 1) != " ") continue
    start = substr(own, 1, i)
    owner = substr(own, i)
    if (index(text, start) != 1 || length(text) < length(start owner) - 1) continue
    if (substr(text, length(text) - length(owner) + 1) != owner) continue
    OF = substr(own, 1, i - 1)
    return substr(text, length(start) + 1, length(text) - length(start) - length(owner)) " "
  }
  return ""
}

function say_left(id, n, list, i, name, words) {
  n = split(needs[id], list, " ")
  for (i = 1; i <= n; i++) {
    if (!(list[i] in tables)) continue
    name = own_name(id, list[i])
    if (name == "") continue
    words = kind[id] == "FK CONSTRAINT" ? "foreign key" : tolower(kind[id])
    sub(/ $/, "", name)
    print "left\t" words (name == "" ? "" : " " name) " (" OF ")"
    return
  }
}

END {
  for (i = 1; i <= count; i++) {
    id = order[i]
    if (!(id in wanted)) continue
    if (kind[id] == "TABLE") tables[id] = 1
    if (kind[id] == "SEQUENCE") sequences[id] = 1
  }
  # Partitions come with their tables, at any depth.
  do {
    grown = 0
    for (i = 1; i <= count; i++) {
      id = order[i]
      if (kind[id] != "TABLE ATTACH" || id in attached) continue
      split(needs[id], pair, " ")
      # The partition itself also depends on the table, so it tells which is which.
      child = pair[1]
      parent = pair[2]
      if ((" " needs[parent] " ") ~ (" " child " ")) { child = pair[2]; parent = pair[1] }
      if (!(parent in tables)) continue
      attached[id] = 1
      if (kind[child] == "TABLE") { tables[child] = 1; grown = 1 }
    }
  } while (grown)
  for (id in tables) take(id)
  for (i = 1; i <= count; i++) {
    id = order[i]
    if (kind[id] == "SEQUENCE" && hangs_on(id, tables)) sequences[id] = 1
  }
  for (id in sequences) take(id)
  for (i = 1; i <= count; i++) {
    id = order[i]
    k = kind[id]
    if (k == "DEFAULT" && hangs_on(id, tables) || k == "SEQUENCE OWNED BY" && hangs_on(id, sequences) ||
        k == "TABLE ATTACH" && id in attached && hangs_only_on(id, tables)) take(id)
    if (k == "TABLE DATA" && hangs_on(id, tables) || k == "SEQUENCE SET" && hangs_on(id, sequences)) { take(id); data[id] = 1 }
    if (k ~ /^(CONSTRAINT|CHECK CONSTRAINT|INDEX|STATISTICS)$/ && hangs_on(id, tables)) take(id)
  }
  for (i = 1; i <= count; i++) {
    id = order[i]
    if (kind[id] == "INDEX ATTACH" && joins_chosen(id)) take(id)
  }
  for (i = 1; i <= count; i++) {
    id = order[i]
    if (kind[id] == "COMMENT" && (hangs_on(id, tables) || hangs_on(id, sequences)) && hangs_only_on(id, taken)) take(id)
    if (kind[id] ~ /^(FK CONSTRAINT|TRIGGER|RULE|POLICY|ROW SECURITY)$/) say_left(id)
  }
  for (i = 1; i <= count; i++) {
    id = order[i]
    if (kind[id] != "TABLE" || id in tables || !hangs_on(id, tables)) continue
    rest = entry[id]
    sub(/^TABLE /, "", rest)
    sub(/ [^ ]*$/, "", rest)
    print "child\t" rest
  }
  for (i = 1; i <= count; i++) {
    id = order[i]
    if (kind[id] == "SCHEMA") {
      rest = entry[id]
      sub(/^SCHEMA /, "", rest)
      there = 0
      for (name in made) if (index(rest, name " ") == 1 && substr(rest, length(name) + 2) !~ / /) there = 1
      if (!there) print (id in taken ? "schema" : "extra") "\t" line[id]
    } else if (id in taken) print (id in data || id in post ? "data" : "needed") "\t" line[id]
    else if (kind[id] ~ /^(TYPE|DOMAIN|SHELL TYPE|FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|COLLATION)$/) print "extra\t" line[id]
  }
}
