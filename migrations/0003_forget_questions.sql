-- compat: expand
-- An insight was stored with the question of the first visitor who asked, and shown to all others. Those that quote one go, and so do
-- all but the newest five of a cat and mode. They are a cache: what is deleted is made again when it is asked for.

delete from cat_insights
where insight ->> 'summary' ~ '[“”"]'
  or id in (
    select id from (
      select id, row_number() over (partition by cat_id, mode order by updated_at desc, id desc) as place from cat_insights
    ) as ranked
    where place > 5
  );

-- down:
select 'nothing to undo: what was deleted is made again';
