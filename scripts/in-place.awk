# Takes BEGIN and COMMIT around the contents of large objects out of a dump's text: there is a transaction already, and
# that COMMIT would end it in the middle. Such a block is known by its first statement, and holds nothing but calls of lo_….
# Rows of tables pass as they are: they stand between `COPY … FROM stdin;` below its heading, and `\.`.
function release() {
  for (i = 1; i <= held; i++) print line[i]
  held = 0
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
