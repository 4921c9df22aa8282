/**
 * Errors between a client and the API server. Answers, watch errors and failures of the connection are
 * translated here and nowhere else, so that a caller switches on `reason` and never reads a text.
 */
import { codeOf, DistilleryError, type Fault, type Retry } from '@distillery/base';

import { excerpt, fieldsOf, parsed } from './json.js';

export type ApiErrorReason =
  // The API server's answer.
  | 'badRequest'
  | 'unauthorized'
  | 'forbidden'
  | 'notFound'
  | 'alreadyExists'
  | 'conflict'
  | 'invalid'
  /** This resourceVersion or page is no longer kept: list again. */
  | 'gone'
  /** The server has not reached this resourceVersion: it lags, or its store was restored from a backup. */
  | 'tooLargeVersion'
  | 'throttled'
  | 'internal'
  | 'unavailable'
  | 'timeout'
  // No answer, or an unreadable one.
  | 'unreachable'
  /** An open watch delivered nothing for longer than the interval of bookmarks. */
  | 'silent'
  | 'malformed'
  | 'untrusted'
  | 'aborted'
  /** This process no longer leads; nothing was sent. */
  | 'notLeading';

const retries: Readonly<Record<ApiErrorReason, Retry>> = {
  badRequest: 'Never',
  unauthorized: 'Never',
  /** A quota, a webhook or a right of the operator's stands against it. */
  forbidden: 'AfterSomebodyActs',
  notFound: 'Never',
  alreadyExists: 'Never',
  conflict: 'Never',
  invalid: 'Never',
  gone: 'Never',
  tooLargeVersion: 'Later',
  throttled: 'Later',
  /** Most often a webhook that does not answer. */
  internal: 'AfterSomebodyActs',
  unavailable: 'Later',
  timeout: 'Later',
  unreachable: 'Later',
  silent: 'Later',
  malformed: 'Later',
  untrusted: 'Never',
  aborted: 'Never',
  notLeading: 'Never',
};

/** One detail of a refusal: the field, and the API server's message. */
export interface ApiErrorCause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

export interface ApiErrorFields {
  /** The request in words, such as "apply Deployment ns/name". */
  readonly doing: string;
  /** About nothing where the API server gave a sentence of its own: it names the object. */
  readonly fault: Fault;
  /** HTTP status; null = no answer. */
  readonly status?: number | null;
  /** Name of the object in the answer; empty when there is none, such as for a kind that the server does not know. */
  readonly about?: string;
  /** How long the server asks us to wait before the next request. */
  readonly retryAfterMs?: number | null;
  readonly causes?: readonly ApiErrorCause[];
  readonly cause?: unknown;
}

export class ApiError extends DistilleryError {
  override readonly name = 'ApiError';
  readonly kind = 'Api';
  readonly retry: Retry;
  readonly doing: string;
  readonly status: number | null;
  readonly about: string;
  readonly retryAfterMs: number | null;
  readonly causes: readonly ApiErrorCause[];

  constructor(
    readonly reason: ApiErrorReason,
    { doing, fault, status = null, about = '', retryAfterMs = null, causes = [], cause }: ApiErrorFields,
  ) {
    super(fault, cause === undefined ? undefined : { cause });
    this.retry = retries[reason];
    this.doing = doing;
    this.status = status;
    this.about = about;
    this.retryAfterMs = retryAfterMs;
    this.causes = causes;
  }
}

/** Reasons of a Status (k8s.io/apimachinery, meta/v1 types.go) that are more specific than the code. */
const reasonOfStatus: Readonly<Record<string, ApiErrorReason>> = {
  Unauthorized: 'unauthorized',
  Forbidden: 'forbidden',
  NotFound: 'notFound',
  AlreadyExists: 'alreadyExists',
  Conflict: 'conflict',
  Gone: 'gone',
  Expired: 'gone',
  Invalid: 'invalid',
  ServerTimeout: 'timeout',
  Timeout: 'timeout',
  TooManyRequests: 'throttled',
  ServiceUnavailable: 'unavailable',
};

const reasonOfCode: Readonly<Record<number, ApiErrorReason>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  409: 'conflict',
  410: 'gone',
  422: 'invalid',
  429: 'throttled',
  500: 'internal',
  504: 'timeout',
};

/**
 * The API server answers an applied object that does not fit its type with 500 and no reason, like an internal error.
 * Only the beginning of the message tells them apart (apimachinery, managedfields/internal).
 */
const unreadable = /^failed to (create typed patch object|convert new object) /;

/** Cause of a refusal to read at a resourceVersion that the server has not seen. */
const tooLargeCause = 'ResourceVersionTooLarge';

/** Translates an unsuccessful answer. @param retryAfter the Retry-After header, undefined = absent */
export function errorOfAnswer(doing: string, code: number, retryAfter: string | undefined, text: string): ApiError {
  const retryAfterMs = secondsOf(retryAfter);
  const status = fieldsOf(parsed(text)?.value);
  if (status?.kind === 'Status') return errorOfStatus(doing, { code, ...status }, retryAfterMs);
  // A load balancer or a proxy answered, in its own format.
  return new ApiError(reasonWithout(code), {
    doing,
    fault: {
      about: doing,
      found: `HTTP ${code} "${excerpt(text)}"`,
      expected: 'an answer of the API server',
      remedy: 'see what answers at its address',
    },
    status: code,
    retryAfterMs,
  });
}

/** Translates a Status, as answers and ERROR events of a watch carry it. */
export function errorOfStatus(doing: string, value: unknown, retryAfterMs: number | null = null): ApiError {
  const { message, reason, code, details } = fieldsOf(value) ?? {};
  const { name, causes, retryAfterSeconds } = fieldsOf(details) ?? {};
  const status = typeof code === 'number' ? code : null;
  const found = (Array.isArray(causes) ? causes : []).map(causeOf);
  const translated = found.some((cause) => cause.reason === tooLargeCause)
    ? 'tooLargeVersion'
    : unreadable.test(String(message))
      ? 'invalid'
      : (reasonOfStatus[String(reason)] ?? reasonWithout(status));
  return new ApiError(translated, {
    doing,
    fault:
      typeof message === 'string' && message !== ''
        ? { about: '', problem: message, remedy: '' }
        : { about: doing, problem: 'the API server refused and gave no reason', remedy: '' },
    status,
    about: typeof name === 'string' ? name : '',
    retryAfterMs: typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1_000 : retryAfterMs,
    causes: found,
  });
}

function causeOf(value: unknown): ApiErrorCause {
  const { reason, field, message } = fieldsOf(value) ?? {};
  const text = (part: unknown): string => (typeof part === 'string' ? part : '');
  return { reason: text(reason), field: text(field), message: text(message) };
}

function reasonWithout(code: number | null): ApiErrorReason {
  if (code === null) return 'internal';
  return reasonOfCode[code] ?? (code >= 500 ? 'unavailable' : 'badRequest');
}

/** Kubernetes sends whole seconds. A proxy may send a date, which is ignored in favor of our own backoff. */
function secondsOf(retryAfter: string | undefined): number | null {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : null;
}

/** Timeouts of the connection attempt or of the answer. */
const slowCodes: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** OpenSSL's codes for a certificate that is not trusted. */
const untrustedCode =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH$|INVALID_CA$)/;

/** Translates any error of sending a request or reading its answer. */
export function errorOfFailure(doing: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const code = codeOf(error);
  const text = error instanceof Error && error.message !== '' ? error.message : code;
  if (slowCodes.has(code)) {
    return new ApiError('timeout', {
      doing,
      fault: { about: doing, problem: `no answer in time (${text})`, remedy: '' },
      cause: error,
    });
  }
  if (untrustedCode.test(code)) {
    return new ApiError('untrusted', {
      doing,
      fault: {
        about: doing,
        problem: `the certificate is not one that the given certificate authority signed for this address (${text})`,
        remedy: 'check certificate-authority and server',
      },
      cause: error,
    });
  }
  return new ApiError('unreachable', {
    doing,
    fault: { about: doing, problem: `no answer from the API server (${text})`, remedy: '' },
    cause: error,
  });
}
