-- Is the connected role a superuser? No variables.
SELECT rolsuper FROM pg_roles WHERE rolname = current_user;
