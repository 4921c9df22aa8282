/** What an error of the client library means. */
import {
  hasNoListener,
  isMissing,
  isUnauthorized,
  jetStreamRefusal,
  orNull,
  permissionViolationIn,
} from '@distillery/nats';
import { describe, expect, test } from '@jest/globals';
import { JetStreamApiError } from '@nats-io/jetstream';
import {
  AuthorizationError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';

const answer = (err_code: number, code: number, description = 'said'): JetStreamApiError =>
  new JetStreamApiError({ err_code, code, description });

describe('an answer of JetStream', () => {
  test.each([
    [answer(10059, 404), 'missing', 'either'],
    [answer(10002, 400), 'noRoom', 'account'],
    [answer(10023, 503), 'noRoom', 'server'],
    [answer(10071, 400), 'moved', 'either'],
  ])('%s is read by the table of its codes', (error, fault, limit) => {
    expect(jetStreamRefusal(error)).toEqual({ fault, limit, code: error.code, text: 'said' });
  });

  test('is what no other error is', () => {
    for (const error of [new TimeoutError(), new Error('x'), 'x', undefined])
      expect(jetStreamRefusal(error)).toBeNull();
  });

  test('that something is missing stands for null, and any other is thrown', async () => {
    expect(isMissing(answer(10014, 404))).toBe(true);
    expect(await orNull(Promise.reject(answer(10037, 404)))).toBeNull();
    expect(await orNull(Promise.resolve(7))).toBe(7);
    await expect(orNull(Promise.reject(answer(10052, 500)))).rejects.toThrow('said');
  });
});

describe('an error of the connection', () => {
  const violation = new PermissionViolationError('no', 'publish', 'a.b');
  const request = (cause: Error): RequestError => new RequestError('outer', { cause });

  test('names the subject that this user may not use, in the error or below it', () => {
    expect(permissionViolationIn(violation)).toBe(violation);
    expect(permissionViolationIn(request(violation))).toBe(violation);
    expect(permissionViolationIn(new TimeoutError())).toBeNull();
  });

  test.each<[Error, boolean]>([
    [violation, true],
    [request(violation), true],
    [new AuthorizationError('no'), true],
    [new TimeoutError(), false],
  ])('%s: the server does not accept the user: %s', (error, expected) => {
    expect(isUnauthorized(error)).toBe(expected);
  });

  test.each<[Error, boolean]>([
    [request(new NoRespondersError('a.b')), true],
    [new NoRespondersError('a.b'), true],
    [request(new TimeoutError()), false],
    [new Error('x'), false],
  ])('%s: no listener takes the request: %s', (error, expected) => {
    expect(hasNoListener(error)).toBe(expected);
  });
});
