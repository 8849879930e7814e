-- The temporary role may come into a prepared side database and make things there. Variables: side, role.
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE :"side" TO :"role";
