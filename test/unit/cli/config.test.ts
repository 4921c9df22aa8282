/** What the command takes from the environment, and what it passes on to workers. */
import { nativeFolderName } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { type Config, readConfig } from '../../../src/cli/config.js';

/** Where workers look for the runtime `native`. */
const native = {
  DISTILL_NATIVE_FOLDER: `/home/ann/.cache/distillery/${nativeFolderName}`,
  NODE_COMPILE_CACHE: '/home/ann/.cache/distillery/compiled',
};

const readConfigOf = (environment: NodeJS.ProcessEnv): Config =>
  readConfig(environment, () => '/home/ann', '/home/ann/.cache/distillery/compiled');

describe('the configuration', () => {
  test('of an empty environment is complete', () => {
    const { cores, ...rest } = readConfigOf({});
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(rest).toEqual({
      natsUrl: undefined,
      path: '',
      cacheFolder: '/home/ann/.cache/distillery',
      installEnvironment: {},
      startedBy: { kind: 'shell' },
      workerEnvironment: { ...native, ORT_DISABLE_TELEMETRY: '1' },
      remote: { cache: { DISTILL_CACHE_FOLDER: '/home/ann/.cache/distillery/places' }, buckets: {} },
    });
  });

  const script = { npm_lifecycle_event: 'start', npm_package_name: 'distillery', npm_config_local_prefix: '/src/d' };
  test.each([
    ['a script of this package', { ...script, INIT_CWD: '/src/d/examples' }, { kind: 'npmScript', prefix: null }],
    [
      'a script of this package, from another folder',
      { ...script, INIT_CWD: '/src/data' },
      { kind: 'npmScript', prefix: '/src/d' },
    ],
    ['npx', { npm_lifecycle_event: 'npx' }, { kind: 'npx' }],
    ['a script of another package', { ...script, npm_package_name: 'mine' }, { kind: 'npx' }],
  ])('detects that it was started by %s', (_what, environment, want) => {
    expect(readConfigOf(environment).startedBy).toEqual(want);
  });

  test('reads the server and the terminal', () => {
    const read = readConfigOf({
      DISTILL_NATS_URL: 'nats://127.0.0.1:4222',
      PATH: '/bin',
    });
    expect(read).toMatchObject({
      natsUrl: 'nats://127.0.0.1:4222',
      path: '/bin',
    });
  });

  test('treats an empty DISTILL_NATS_URL as not set', () => {
    expect(readConfigOf({ DISTILL_NATS_URL: '' }).natsUrl).toBeUndefined();
  });

  test('gives workers what they need to run, and no secrets', () => {
    const environment = { PATH: '/bin', HOME: '/home', DISTILL_RUNTIME: 'wasm', DISTILL_LOG_LEVEL: 'debug' };
    const secrets = { NPM_TOKEN: 'x', AWS_SECRET_ACCESS_KEY: 'x', DISTILL_NATS_URL: 'nats://me:secret@host:4222' };
    expect(readConfigOf({ ...environment, ...secrets }).workerEnvironment).toEqual({
      ...native,
      ...environment,
      ORT_DISABLE_TELEMETRY: '1',
    });
  });

  test('keeps what reaches remote places apart', () => {
    const environment = { AWS_SECRET_ACCESS_KEY: 'x', AWS_PROFILE: 'y', DISTILL_CACHE_BYTES: '7' };
    expect(readConfigOf(environment).remote).toEqual({
      cache: { DISTILL_CACHE_FOLDER: '/home/ann/.cache/distillery/places', DISTILL_CACHE_BYTES: '7' },
      buckets: { AWS_SECRET_ACCESS_KEY: 'x' },
    });
  });

  test('treats an empty variable of ours as not set', () => {
    expect(readConfigOf({ DISTILL_RUNTIME: '', HOME: '' }).workerEnvironment).toEqual({
      HOME: '',
      ...native,
      ORT_DISABLE_TELEMETRY: '1',
    });
  });

  test('always switches off the telemetry of libraries', () => {
    expect(readConfigOf({ ORT_DISABLE_TELEMETRY: '0' }).workerEnvironment).toEqual({
      ...native,
      ORT_DISABLE_TELEMETRY: '1',
    });
  });
});
