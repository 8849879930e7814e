# Prints every statement that is not what restores rights and comments on extensions. Reads SQL as pg_restore writes it.
# Quoted names become N and strings S, so that nothing in them looks like a statement.
function judge() {
  gsub(/[ \t\r\n]+/, " ", statement)
  sub(/^ /, "", statement)
  sub(/ $/, "", statement)
  if (statement == "") return
  if (statement !~ /^SET [a-z_]+ = [A-Za-z0-9_,S ]+$/ &&
      statement !~ /^SELECT pg_catalog\.set_config\(S, S, false\)$/ &&
      statement !~ /^(SET SESSION AUTHORIZATION (N|[a-z0-9_]+|DEFAULT)|RESET SESSION AUTHORIZATION)$/ &&
      statement !~ /^(GRANT|REVOKE) [A-Za-z0-9_N,() ]+ ON .+ (TO|FROM) [A-Za-z0-9_N]+( WITH GRANT OPTION| CASCADE)?$/ &&
      statement !~ /^ALTER DEFAULT PRIVILEGES FOR ROLE [^;]+ (GRANT|REVOKE) [A-Z, ]+ ON [A-Z ]+ (TO|FROM) [^;]+$/ &&
      statement !~ /^COMMENT ON EXTENSION (N|[a-z0-9_]+) IS (S|NULL)$/)
    print statement
}
BEGIN { RS = "\001" }
{
  text = $0
  length_ = length(text)
  for (i = 1; i <= length_; i++) {
    letter = substr(text, i, 1)
    if (state == "comment") {
      if (letter == "\n") state = ""
    } else if (state == "name" || state == "string") {
      quote = state == "name" ? "\"" : "'"
      if (letter == "\\" && state == "string" && escapes) i++
      else if (letter == quote) {
        if (substr(text, i + 1, 1) == quote) i++
        else {
          statement = statement (state == "name" ? "N" : "S")
          state = ""
        }
      }
    } else if (letter == "\\" && substr(text, i) ~ /^\\(un)?restrict [A-Za-z0-9]+\n/) {
      # For psql, which is not asked here.
      state = "comment"
    } else if (letter == "\"") state = "name"
    else if (letter == "'") {
      state = "string"
      # E'…' is the one kind in which a backslash means something.
      escapes = statement ~ /[ (,]E$/
      if (escapes) sub(/E$/, "", statement)
    } else if (letter == "-" && substr(text, i + 1, 1) == "-") state = "comment"
    else if (letter == ";") {
      judge()
      statement = ""
    } else statement = statement letter
  }
}
END {
  if (state == "name" || state == "string") print "a quote without an end"
  judge()
}
