/** Errors of API server, proxies and connections, as types. The texts of the API server are from 1.35. */
import type { Retry } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { ApiError } from '../../../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason } from '../../../../../src/cluster/kubernetes/api/index.js';
import { errorOfAnswer, errorOfFailure, errorOfStatus } from '../../../../../src/cluster/kubernetes/api/errors.js';

function answer(code: number, status: object | string, retryAfter?: string): ApiError {
  const text = typeof status === 'string' ? status : JSON.stringify({ kind: 'Status', status: 'Failure', ...status });
  return errorOfAnswer('get Pod ns/a', code, retryAfter, text);
}

describe('an answer', () => {
  test.each<[ApiErrorReason, Retry, number, string]>([
    ['badRequest', 'Never', 400, 'BadRequest'],
    ['unauthorized', 'Never', 401, 'Unauthorized'],
    ['forbidden', 'AfterSomebodyActs', 403, 'Forbidden'],
    ['notFound', 'Never', 404, 'NotFound'],
    ['badRequest', 'Never', 405, 'MethodNotAllowed'],
    ['alreadyExists', 'Never', 409, 'AlreadyExists'],
    ['conflict', 'Never', 409, 'Conflict'],
    ['gone', 'Never', 410, 'Expired'],
    ['gone', 'Never', 410, 'Gone'],
    ['badRequest', 'Never', 413, 'RequestEntityTooLarge'],
    ['badRequest', 'Never', 415, 'UnsupportedMediaType'],
    ['invalid', 'Never', 422, 'Invalid'],
    ['throttled', 'Later', 429, 'TooManyRequests'],
    ['internal', 'AfterSomebodyActs', 500, 'InternalError'],
    ['timeout', 'Later', 500, 'ServerTimeout'],
    ['unavailable', 'Later', 503, 'ServiceUnavailable'],
    ['timeout', 'Later', 504, 'Timeout'],
  ])('is %s (retry: %s) for %i %s', (reason, retry, code, given) => {
    const error = answer(code, { message: 'its own sentence', reason: given, code });
    expect(error).toMatchObject({ reason, retry, status: code, message: 'its own sentence', doing: 'get Pod ns/a' });
  });

  test.each([
    'failed to create typed patch object (default/a; batch/v1, Kind=Job): .spec.template.spec.affinity.x: field not declared in schema',
    'failed to convert new object (default/a; batch/v1, Kind=Job) to proper version: quantities must match',
  ])('that an object cannot be read is a refusal, although its code is 500: %s', (message) => {
    expect(answer(500, { message, code: 500 })).toMatchObject({ reason: 'invalid', retry: 'Never', message });
  });

  test('to a read at a future version has a reason of its own', () => {
    const error = answer(504, {
      message: 'Timeout: Too large resource version: 99999999, current: 205',
      reason: 'Timeout',
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
      code: 504,
    });
    expect(error).toMatchObject({ reason: 'tooLargeVersion', retryAfterMs: 1_000 });
  });

  test('names the object, and holds each cause', () => {
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
  });

  test.each<[string, string | undefined, object, number | null]>([
    ['in its header', '7', {}, 7_000],
    ['in its details, which are more exact', '7', { details: { retryAfterSeconds: 2 } }, 2_000],
    ['as a date, which is ignored', 'Tue, 24 Nov 2026 09:05:54 GMT', {}, null],
    ['not at all', undefined, {}, null],
  ])('says when to retry %s', (_, header, more, want) => {
    expect(answer(429, { reason: 'TooManyRequests', code: 429, ...more }, header).retryAfterMs).toBe(want);
  });

  test.each<[ApiErrorReason, number, string]>([
    ['unavailable', 502, '<html>\n<h1>502 Bad Gateway</h1></html>'],
    ['unavailable', 503, 'no server is available to handle this request'],
    ['timeout', 504, ''],
    ['throttled', 429, '{"error":"slow down"}'],
    ['badRequest', 302, ''],
    ['notFound', 404, '404 page not found'],
  ])('is %s when a proxy answers %i', (kind, code, text) => {
    const error = answer(code, text);
    expect(error.reason).toBe(kind);
    expect(error.message).toContain(`get Pod ns/a: found HTTP ${code}`);
    expect(error.message).not.toContain('\n');
    expect(error.about).toBe('');
  });

  test('shows only the beginning of a long page', () => {
    expect(answer(502, 'x'.repeat(10_000)).message.length).toBeLessThan(300);
  });

  test('without a message gets one', () => {
    expect(errorOfStatus('watch pods', { code: 500 }).message).toBe(
      'watch pods: the API server refused and gave no reason',
    );
    expect(errorOfStatus('watch pods', 'nonsense')).toMatchObject({ reason: 'internal', status: null });
  });
});

describe('a failure', () => {
  const failure = (code: string, message = 'words'): ApiError =>
    errorOfFailure('list pods', Object.assign(new Error(message), { code }));

  test.each<[ApiErrorReason, Retry, string]>([
    ['unreachable', 'Later', 'ECONNREFUSED'],
    ['unreachable', 'Later', 'ECONNRESET'],
    ['unreachable', 'Later', 'ENOTFOUND'],
    ['unreachable', 'Later', 'UND_ERR_SOCKET'],
    ['unreachable', 'Later', 'HPE_INVALID_CHUNK_SIZE'],
    ['timeout', 'Later', 'UND_ERR_CONNECT_TIMEOUT'],
    ['timeout', 'Later', 'UND_ERR_HEADERS_TIMEOUT'],
    ['timeout', 'Later', 'UND_ERR_BODY_TIMEOUT'],
    ['timeout', 'Later', 'ETIMEDOUT'],
    ['untrusted', 'Never', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['untrusted', 'Never', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['untrusted', 'Never', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['untrusted', 'Never', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['untrusted', 'Never', 'CERT_HAS_EXPIRED'],
  ])('is %s (retry: %s) for %s', (reason, retry, code) => {
    const error = failure(code);
    expect(error).toMatchObject({ reason, retry, status: null });
    expect(error.message).toMatch(/^list pods: .*\(words\)/);
  });

  test('of several addresses, for which Node has no message, shows the code', () => {
    expect(failure('ECONNREFUSED', '').message).toContain('(ECONNREFUSED)');
  });

  test('that is already an ApiError stays the same', () => {
    const ours = new ApiError('gone', { doing: 'a', fault: { about: '', problem: 'b', remedy: '' } });
    expect(errorOfFailure('c', ours)).toBe(ours);
  });
});
