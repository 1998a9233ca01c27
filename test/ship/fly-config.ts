import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/target.ts';

/** What our fly.toml has, as far as tests look at it (docs of Fly.io: reference/configuration). */
export interface FlyConfig {
  app: string;
  primary_region: string;
  kill_signal: 'SIGTERM';
  kill_timeout: string;
  deploy: { strategy: string; release_command: string; release_command_timeout: string; wait_timeout: string };
  env: Record<string, string>;
  http_service: {
    internal_port: number;
    force_https: boolean;
    auto_stop_machines: string;
    auto_start_machines: boolean;
    min_machines_running: number;
    concurrency: { type: string; soft_limit: number; hard_limit: number };
    checks: [{ method: string; path: string; interval: string; timeout: string; grace_period: string }];
  };
  checks: Record<string, { type: string; port: number; path: string }>;
  metrics: [{ port: number; path: string }];
  restart: [{ policy: string; retries: number }];
  vm: [{ size: string; memory: string }];
}

/** Parses a fly.toml of this repository. */
export function readFlyConfig(path: string): FlyConfig {
  return Bun.TOML.parse(readFileSync(join(root, path), 'utf8')) as FlyConfig;
}
