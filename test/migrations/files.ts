// Migrations of versions of the program that exist in tests only.

/** Quick, and locks the table `entries` against everybody while it works. */
export const addColour = `-- compat: expand

alter table entries add column colour text;

-- down:
alter table entries drop column colour;
`;

/** Outside a transaction; takes about a second for 200 000 entries. */
export const indexTexts = `-- transaction: none
-- compat: expand

create index concurrently entries_by_text on entries (text);

-- down:
drop index concurrently if exists entries_by_text;
`;

/** A statement that takes a minute while the database has a table `hold_statement`, and no time else. */
export const sleepWhenHeld = `-- allow: unchecked-statement it reads the catalogue and sleeps, nothing else
do $$
begin
  if to_regclass('hold_statement') is not null then
    perform pg_sleep(60);
  end if;
end
$$;
`;
