-- In the side database: takes from the chosen tables what would reach into the live database, act on what is restored or
-- hide rows from whoever counts them: foreign keys, triggers, rules, policies. Prints each, one a line. No variables.
SELECT format('foreign key %s (%s %s)', k.conname, p.schema, p.name)
  FROM pgkeep_tables.chosen p JOIN pg_constraint k ON k.conrelid = p.oid WHERE k.contype = 'f' AND k.conparentid = 0
UNION ALL
SELECT format('trigger %s (%s %s)', t.tgname, p.schema, p.name)
  FROM pgkeep_tables.chosen p JOIN pg_trigger t ON t.tgrelid = p.oid WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT format('rule %s (%s %s)', r.rulename, p.schema, p.name)
  FROM pgkeep_tables.chosen p JOIN pg_rewrite r ON r.ev_class = p.oid
UNION ALL
SELECT format('policy %s (%s %s)', l.polname, p.schema, p.name)
  FROM pgkeep_tables.chosen p JOIN pg_policy l ON l.polrelid = p.oid
UNION ALL
SELECT format('row security (%s %s)', p.schema, p.name)
  FROM pgkeep_tables.chosen p JOIN pg_class c USING (oid) WHERE c.relrowsecurity;
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname)
  FROM pg_constraint k WHERE k.conrelid IN (SELECT oid FROM pgkeep_tables.chosen) AND k.contype = 'f' AND k.conparentid = 0
\gexec
SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
  FROM pg_trigger t WHERE t.tgrelid IN (SELECT oid FROM pgkeep_tables.chosen) AND NOT t.tgisinternal AND t.tgparentid = 0
\gexec
SELECT format('DROP RULE %I ON %s', r.rulename, r.ev_class::regclass)
  FROM pg_rewrite r WHERE r.ev_class IN (SELECT oid FROM pgkeep_tables.chosen)
\gexec
SELECT format('DROP POLICY %I ON %s', l.polname, l.polrelid::regclass)
  FROM pg_policy l WHERE l.polrelid IN (SELECT oid FROM pgkeep_tables.chosen)
\gexec
SELECT format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', oid::regclass)
  FROM pg_class WHERE oid IN (SELECT oid FROM pgkeep_tables.chosen) AND (relrowsecurity OR relforcerowsecurity)
\gexec
