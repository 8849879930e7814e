-- How the temporary role has been given away, one line each; none where it has not. Variables: role, verifier (what the server
-- had stored of its password when it was made).
SELECT 'its password was changed' FROM pg_authid WHERE rolname = :'role' AND rolpassword IS DISTINCT FROM :'verifier'
UNION ALL
SELECT format('"%s" was made a member of it', pg_get_userbyid(m.member))
  FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = :'role';
