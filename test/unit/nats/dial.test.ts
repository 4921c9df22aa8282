/** How a connection is made: settings by login and address, repeated attempts, and what a failed one means. */
import { attemptWithin, connectionSettings, dialFaultOf, lastReadable, nextDelayMs } from '@distillery/nats';
import { NatsAddress } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import { AuthorizationError } from '@nats-io/transport-node';

import { FakeClock } from '../../kit/worker-fakes.js';

const caller = { name: 'a pod', inboxPrefix: '_INBOX_x' };
const plain = NatsAddress.parse('nats://a:1,nats://b:2');

describe('settings', () => {
  test('name the servers, the caller and its inbox, and reconnect without an end', () => {
    expect(connectionSettings(plain, caller, { kind: 'none' })).toMatchObject({
      servers: ['a:1', 'b:2'],
      ...caller,
      maxReconnectAttempts: -1,
    });
  });

  test.each([
    [{ kind: 'token', token: 't' } as const, { token: 't' }],
    [{ kind: 'password', user: 'u', password: 'p' } as const, { user: 'u', pass: 'p' }],
    [{ kind: 'creds', read: () => '' } as const, { authenticator: expect.any(Function) }],
  ])('hold the login %o', (login, expected) => {
    expect(connectionSettings(plain, caller, login)).toMatchObject(expected);
  });

  test('insist on TLS for tls://, and only there', () => {
    const secure = NatsAddress.parse('tls://a');
    expect(connectionSettings(secure, caller, { kind: 'none' })).toHaveProperty('tls');
    expect(connectionSettings(plain, caller, { kind: 'none' })).not.toHaveProperty('tls');
  });
});

describe('attempts', () => {
  const failing = (times: number, errors: (attempt: number) => Error): (() => Promise<number>) => {
    let attempt = 0;
    return () => ((attempt += 1) <= times ? Promise.reject(errors(attempt)) : Promise.resolve(attempt));
  };
  const numbered = (attempt: number): Error => new Error(`attempt ${String(attempt)}`);

  test('are repeated until one succeeds', async () => {
    const clock = new FakeClock();
    const done = attemptWithin(failing(3, numbered), { waitMs: 10_000, clock });
    expect(await clock.run(done)).toBe(4);
  });

  test('end with the last error when the time is over', async () => {
    const clock = new FakeClock();
    const done = attemptWithin(failing(100, numbered), { waitMs: 1_000, clock });
    // After 100, 200 and 400 ms; the next wait of 800 ms would be too long.
    await expect(clock.run(done)).rejects.toThrow('attempt 4');
  });

  test('end at once with an error that does not pass', async () => {
    const clock = new FakeClock();
    const passes = (error: unknown): boolean => error instanceof Error && error.message !== 'attempt 2';
    const done = attemptWithin(failing(100, numbered), { waitMs: 10_000, clock, passes });
    await expect(clock.run(done)).rejects.toThrow('attempt 2');
  });

  test('end with the reason of the stop, also during a wait', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const done = attemptWithin(failing(100, numbered), { waitMs: 10_000, clock, stop: stop.signal });
    void clock.sleep(250).then(() => stop.abort(new Error('stopped')));
    await expect(clock.run(done)).rejects.toThrow('stopped');
  });

  test('wait longer each time, up to two seconds', () => {
    let delayMs = 100;
    const delays = Array.from({ length: 7 }, () => (delayMs = nextDelayMs(delayMs)));
    expect(delays).toEqual([200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
  });
});

describe('a failed attempt', () => {
  test('was refused by the server, or met a bad certificate, or no server', () => {
    const expired = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
    expect(dialFaultOf(new AuthorizationError('no'), plain)).toEqual({ kind: 'loginRefused' });
    expect(dialFaultOf(expired, plain)).toEqual({
      kind: 'certificate',
      fault: {
        problem: 'no TLS connection: the server certificate has expired (certificate has expired)',
        remedy: 'renew it',
      },
    });
    expect(dialFaultOf(new Error('outer', { cause: new Error('ECONNREFUSED') }), plain)).toEqual({
      kind: 'unreachable',
      reason: 'ECONNREFUSED',
    });
  });
});

describe('a file that is being replaced', () => {
  test('gives its last text until it can be read again', () => {
    const texts: (string | null)[] = ['first', null, 'second'];
    const read = lastReadable(() => {
      const text = texts.shift() ?? null;
      if (text === null) throw new Error('no such file');
      return text;
    });
    expect([read(), read(), read()]).toEqual(['first', 'second', 'second']);
  });

  test('must be readable at first', () => {
    expect(() =>
      lastReadable(() => {
        throw new Error('no such file');
      }),
    ).toThrow('no such file');
  });
});
