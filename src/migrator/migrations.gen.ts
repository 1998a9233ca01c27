// Made by scripts/generate-migrations.ts from migrations/. Do not edit.
import migration0001 from '../../migrations/0001_schema.sql' with { type: 'text' };
import migration0002 from '../../migrations/0002_indexes.sql' with { type: 'text' };
import migration0003 from '../../migrations/0003_forget_questions.sql' with { type: 'text' };
import type { MigrationFile } from './migration-catalog.ts';

export const migrationFiles: MigrationFile[] = [
  {
    file: '0001_schema.sql',
    sql: migration0001,
    facts: {
      statements: [
        {"start":240,"end":413,"summary":"create table cats","locks":[{"relation":"cats","mode":"ACCESS EXCLUSIVE","creates":true}]},
        {"start":416,"end":1297,"summary":"create table entries","locks":[{"relation":"entries","mode":"ACCESS EXCLUSIVE","creates":true},{"relation":"cats","mode":"SHARE ROW EXCLUSIVE","creates":true}]},
        {"start":1393,"end":1886,"summary":"create table analyses","locks":[{"relation":"analyses","mode":"ACCESS EXCLUSIVE","creates":true},{"relation":"entries","mode":"SHARE ROW EXCLUSIVE","creates":true}]},
        {"start":1988,"end":2642,"summary":"create table cat_insights","locks":[{"relation":"cat_insights","mode":"ACCESS EXCLUSIVE","creates":true},{"relation":"cats","mode":"SHARE ROW EXCLUSIVE","creates":true}]},
        {"start":2645,"end":3121,"summary":"create table cat_comments","locks":[{"relation":"cat_comments","mode":"ACCESS EXCLUSIVE","creates":true},{"relation":"cats","mode":"SHARE ROW EXCLUSIVE","creates":true}]},
      ],
      downStatements: [],
      findings: [],
    },
  },
  {
    file: '0002_indexes.sql',
    sql: migration0002,
    facts: {
      statements: [
        {"start":212,"end":285,"summary":"create index entries_by_cat on entries","locks":[{"relation":"entries","mode":"SHARE","creates":false}]},
        {"start":359,"end":422,"summary":"create index entries_by_cat_and_id on entries","locks":[{"relation":"entries","mode":"SHARE","creates":false}]},
        {"start":425,"end":495,"summary":"create index entries_by_creation on entries","locks":[{"relation":"entries","mode":"SHARE","creates":false}]},
        {"start":606,"end":755,"summary":"create index entries_by_place on entries using gist","locks":[{"relation":"entries","mode":"SHARE","creates":false}]},
        {"start":758,"end":822,"summary":"create index cats_by_creation on cats","locks":[{"relation":"cats","mode":"SHARE","creates":false}]},
        {"start":885,"end":968,"summary":"create index cat_comments_by_cat on cat_comments","locks":[{"relation":"cat_comments","mode":"SHARE","creates":false}]},
      ],
      downStatements: [],
      findings: [],
    },
  },
  {
    file: '0003_forget_questions.sql',
    sql: migration0003,
    facts: {
      statements: [
        {"start":270,"end":530,"summary":"delete from cat_insights","locks":[{"relation":"cat_insights","mode":"ROW EXCLUSIVE","creates":false}]},
      ],
      downStatements: [
        {"start":542,"end":598,"summary":"select '…'","locks":[]},
      ],
      findings: [],
    },
  },
];
