-- Nobody else gets into the live database any more; who is in it stays for now. From another database, because the server
-- refuses it from the inside. Variable: name.
ALTER DATABASE :"name" ALLOW_CONNECTIONS false;
