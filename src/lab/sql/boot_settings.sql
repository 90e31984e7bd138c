-- The built-in defaults of the settings that the planner uses.
select name, boot_val from pg_settings where name = any ($1::text[]) order by name
