# The contents of a dump read as text: prints `ROWS<TAB>table` for each COPY block, the table as the dump spells it, and at
# the end `N<TAB>large objects` and `N<TAB>bytes of large objects`. (No table's name has a space outside quotes.)
#
# A block begins with pg_dump's own heading, so that a function whose body holds a COPY statement is not taken for one,
# and ends with \. on a line of its own. A row is one line: COPY writes line breaks inside values as \n.
# Exit code 1: the text ends inside a block. Exit code 2 (where the variable `whole` is 1): it does not end with the line
# that pg_dump writes last; newer versions write an \unrestrict line after it.
# A table is printed as COPY would write it (\n, \t, \\), because a name may hold a line break.

# The part of `COPY name (columns) FROM stdin;` up to the first space outside quotes.
function table_of(statement, i, letter, quoted) {
  for (i = 6; i <= length(statement); i++) {
    letter = substr(statement, i, 1)
    if (letter == "\"") quoted = !quoted
    else if (letter == " " && !quoted) break
  }
  return substr(statement, 6, i - 6)
}

function escaped(text) {
  gsub(/\\/, "&&", text)  # & is what was found: each awk reads backslashes in a replacement in its own way
  gsub(/\t/, "\\t", text)
  gsub(/\r/, "\\r", text)
  gsub(/\n/, "\\n", text)
  return text
}

inside {
  if ($0 == "\\.") { print rows "\t" table; inside = 0 }
  else rows++
  next
}

# A quoted name may hold line breaks: the statement goes on until its end, which is not inside quotes.
heading && (statement != "" || /^COPY /) {
  statement = statement == "" ? $0 : statement "\n" $0
  if ($0 ~ / FROM stdin;$/ && gsub(/"/, "&", statement) % 2 == 0) { table = escaped(table_of(statement)); statement = ""; heading = 0; inside = 1; rows = 0 }
  next
}

/^-- (Data for )?Name: .*; Type: / { heading = /; Type: TABLE DATA; Schema: /; large = /; Type: BLOBS; Schema: /; statement = "" }

large && /^SELECT pg_catalog\.lo_open\(/ { objects++ }

# Its bytes in hexadecimal, as '\x00ff' or '\\x00ff'.
large && match($0, /^SELECT pg_catalog\.lowrite\([0-9]+, E?'\\+x/) { bytes += (length($0) - RLENGTH - length("');")) / 2 }

/^-- PostgreSQL database dump complete/ { complete = NR }

END {
  if (inside) exit 1
  if (whole && (!complete || NR - complete > 12)) exit 2
  # %.0f: %d ends at 2^31 in some awks.
  printf "%.0f\tlarge objects\n%.0f\tbytes of large objects\n", objects, bytes
}
