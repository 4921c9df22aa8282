/** What API server, proxies and connections say, as typed errors. The texts of the API server are its own, of 1.35. */
import { describe, expect, test } from '@jest/globals';

import { ApiError, type ApiErrorKind } from '../../../../../src/cluster/kubernetes/index.js';
import { errorOfAnswer, errorOfFailure, errorOfStatus } from '../../../../../src/cluster/kubernetes/api/errors.js';

function answer(code: number, status: object | string, retryAfter?: string): ApiError {
  const text = typeof status === 'string' ? status : JSON.stringify({ kind: 'Status', status: 'Failure', ...status });
  return errorOfAnswer('get Pod ns/a', code, retryAfter, text);
}

describe('an answer', () => {
  test.each<[ApiErrorKind, boolean, number, string]>([
    ['badRequest', false, 400, 'BadRequest'],
    ['unauthorized', false, 401, 'Unauthorized'],
    ['forbidden', false, 403, 'Forbidden'],
    ['notFound', false, 404, 'NotFound'],
    ['badRequest', false, 405, 'MethodNotAllowed'],
    ['alreadyExists', false, 409, 'AlreadyExists'],
    ['conflict', false, 409, 'Conflict'],
    ['gone', false, 410, 'Expired'],
    ['gone', false, 410, 'Gone'],
    ['badRequest', false, 413, 'RequestEntityTooLarge'],
    ['badRequest', false, 415, 'UnsupportedMediaType'],
    ['invalid', false, 422, 'Invalid'],
    ['throttled', true, 429, 'TooManyRequests'],
    ['internal', true, 500, 'InternalError'],
    ['timeout', true, 500, 'ServerTimeout'],
    ['unavailable', true, 503, 'ServiceUnavailable'],
    ['timeout', true, 504, 'Timeout'],
  ])('is %s (retryable: %p) for %i %s', (kind, retryable, code, reason) => {
    const error = answer(code, { message: 'its own sentence', reason, code });
    expect(error).toMatchObject({ kind, retryable, status: code, message: 'its own sentence', doing: 'get Pod ns/a' });
  });

  test.each([
    'failed to create typed patch object (default/a; batch/v1, Kind=Job): .spec.template.spec.affinity.x: field not declared in schema',
    'failed to convert new object (default/a; batch/v1, Kind=Job) to proper version: quantities must match',
  ])('that calls an object of ours unreadable is a refusal, although its code is 500: %s', (message) => {
    expect(answer(500, { message, code: 500 })).toMatchObject({ kind: 'invalid', retryable: false, message });
  });

  test('to a read at a version in the future has a kind of its own', () => {
    const error = answer(504, {
      message: 'Timeout: Too large resource version: 99999999, current: 205',
      reason: 'Timeout',
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
      code: 504,
    });
    expect(error).toMatchObject({ kind: 'tooLargeVersion', retryAfterMs: 1_000 });
  });

  test('tells which object it is about, and the causes one by one', () => {
    const error = answer(422, {
      message: 'DistillJob.distillery.dev "mnist" is invalid: spec.weight: Invalid value: …',
      reason: 'Invalid',
      details: {
        name: 'mnist',
        kind: 'DistillJob',
        causes: [{ reason: 'FieldValueInvalid', message: 'Invalid value: …', field: 'spec.weight' }, 'nonsense'],
      },
      code: 422,
    });
    expect(error.about).toBe('mnist');
    expect(error.causes[0]).toEqual({ reason: 'FieldValueInvalid', message: 'Invalid value: …', field: 'spec.weight' });
    expect(error.hasCause('FieldValueInvalid')).toBe(true);
    expect(error.hasCause('NamespaceTerminating')).toBe(false);
  });

  test.each<[string, string | undefined, object, number | null]>([
    ['in its header', '7', {}, 7_000],
    ['in its details, which are more exact', '7', { details: { retryAfterSeconds: 2 } }, 2_000],
    ['as a date, which is left to our own backoff', 'Tue, 24 Nov 2026 09:05:54 GMT', {}, null],
    ['not at all', undefined, {}, null],
  ])('says when to come again %s', (_, header, more, want) => {
    expect(answer(429, { reason: 'TooManyRequests', code: 429, ...more }, header).retryAfterMs).toBe(want);
  });

  test.each<[ApiErrorKind, number, string]>([
    ['unavailable', 502, '<html>\n<h1>502 Bad Gateway</h1></html>'],
    ['unavailable', 503, 'no server is available to handle this request'],
    ['timeout', 504, ''],
    ['throttled', 429, '{"error":"slow down"}'],
    ['badRequest', 302, ''],
    ['notFound', 404, '404 page not found'],
  ])('is %s when something else than the API server says %i', (kind, code, text) => {
    const error = answer(code, text);
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`get Pod ns/a: found HTTP ${code}`);
    expect(error.message).not.toContain('\n');
    expect(error.about).toBe('');
  });

  test('shows only the beginning of a long page', () => {
    expect(answer(502, 'x'.repeat(10_000)).message.length).toBeLessThan(300);
  });

  test('without a sentence gets one', () => {
    expect(errorOfStatus('watch pods', { code: 500 }).message).toBe(
      'watch pods: the API server refused without saying why',
    );
    expect(errorOfStatus('watch pods', 'nonsense')).toMatchObject({ kind: 'internal', status: null });
  });
});

describe('a failure', () => {
  const failure = (code: string, message = 'words'): ApiError =>
    errorOfFailure('list pods', Object.assign(new Error(message), { code }));

  test.each<[ApiErrorKind, boolean, string]>([
    ['unreachable', true, 'ECONNREFUSED'],
    ['unreachable', true, 'ECONNRESET'],
    ['unreachable', true, 'ENOTFOUND'],
    ['unreachable', true, 'UND_ERR_SOCKET'],
    ['unreachable', true, 'HPE_INVALID_CHUNK_SIZE'],
    ['timeout', true, 'UND_ERR_CONNECT_TIMEOUT'],
    ['timeout', true, 'UND_ERR_HEADERS_TIMEOUT'],
    ['timeout', true, 'UND_ERR_BODY_TIMEOUT'],
    ['timeout', true, 'ETIMEDOUT'],
    ['untrusted', false, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['untrusted', false, 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['untrusted', false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['untrusted', false, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['untrusted', false, 'CERT_HAS_EXPIRED'],
  ])('is %s (retryable: %p) for %s', (kind, retryable, code) => {
    const error = failure(code);
    expect(error).toMatchObject({ kind, retryable, status: null });
    expect(error.message).toMatch(/^list pods: .*\(words\)/);
  });

  test('of several addresses, which Node tells without words, says its code', () => {
    expect(failure('ECONNREFUSED', '').message).toContain('(ECONNREFUSED)');
  });

  test('that is one of ours already stays what it is', () => {
    const ours = new ApiError('gone', { doing: 'a', message: 'b' });
    expect(errorOfFailure('c', ours)).toBe(ours);
  });
});
