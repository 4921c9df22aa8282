/** The only reader of the environment: what it takes, and what it passes on to workers. */
import { describe, expect, test } from '@jest/globals';

import { readConfig } from '../../../src/config.js';

describe('the configuration', () => {
  test('of an empty environment is complete', () => {
    const { cores, ...rest } = readConfig({});
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(rest).toEqual({
      natsUrl: undefined,
      path: '',
      kubeconfig: undefined,
      dumbTerminal: false,
      throughNpm: false,
      faults: 'sentence',
      workerEnvironment: { ORT_DISABLE_TELEMETRY: '1' },
    });
  });

  test('knows a server, a terminal and npm', () => {
    const read = readConfig({
      DISTILL_NATS_URL: 'nats://127.0.0.1:4222',
      PATH: '/bin',
      TERM: 'dumb',
      npm_lifecycle_event: 'start',
    });
    expect(read).toMatchObject({
      natsUrl: 'nats://127.0.0.1:4222',
      path: '/bin',
      dumbTerminal: true,
      throughNpm: true,
    });
  });

  test('takes an empty DISTILL_NATS_URL for none', () => {
    expect(readConfig({ DISTILL_NATS_URL: '' }).natsUrl).toBeUndefined();
  });

  test('gives workers what they need to run, and no secret', () => {
    const environment = { PATH: '/bin', HOME: '/home', DISTILL_RUNTIME: 'wasm', DISTILL_LOG_LEVEL: 'debug' };
    const secrets = { NPM_TOKEN: 'x', AWS_SECRET_ACCESS_KEY: 'x', DISTILL_NATS_URL: 'nats://me:secret@host:4222' };
    expect(readConfig({ ...environment, ...secrets }).workerEnvironment).toEqual({
      ...environment,
      ORT_DISABLE_TELEMETRY: '1',
    });
  });

  test('switches off what libraries report, whatever the user’s environment says', () => {
    expect(readConfig({ ORT_DISABLE_TELEMETRY: '0' }).workerEnvironment).toEqual({ ORT_DISABLE_TELEMETRY: '1' });
  });
});
