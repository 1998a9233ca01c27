// Made by scripts/generate-migrations.ts from migrations/. Do not edit.
import migration0001 from '../../migrations/0001_schema.sql' with { type: 'text' };
import migration0002 from '../../migrations/0002_indexes.sql' with { type: 'text' };

export const migrationFiles = [
  { file: '0001_schema.sql', sql: migration0001 },
  { file: '0002_indexes.sql', sql: migration0002 },
];
