-- Why no table can be added to the live database, as `detail, cure`; no row means that they can. No variables.
SELECT format('publication %I of the live database is FOR ALL TABLES: a new table stops the subscribers that have it not',
              pubname),
       'restore the backup under another name (--into) and copy the tables from there'
  FROM pg_publication WHERE puballtables;
