-- The login of the platform: a member of its three roles and the owner of nothing. The image runs
-- this once, as the owner of the database, when it is first made.
\getenv password APP_PASSWORD
CREATE ROLE onepark_batch NOLOGIN;
CREATE ROLE onepark_service NOLOGIN;
CREATE ROLE onepark_staff NOLOGIN;
CREATE ROLE onepark_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT onepark_batch, onepark_service, onepark_staff TO onepark_app;

-- A start compares the migrations that were applied with those that it knows.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO onepark_app;
