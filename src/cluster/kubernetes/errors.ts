/**
 * What can go wrong between the operator and the API server. Answers and broken connections are translated here and
 * nowhere else, so that a caller switches on `kind` and never reads a text.
 */
import { z } from 'zod';

export type ApiErrorKind =
  /** 404: the object, or its kind. */
  | 'notFound'
  /** 409: it exists already, or its resource version moved on. */
  | 'conflict'
  /** 422, and 400: what was sent breaks a rule. */
  | 'invalid'
  /** 403: RBAC, an admission plugin, a quota. */
  | 'forbidden'
  | 'unauthorized'
  /** 410: the resource version, or the page, is too old. */
  | 'gone'
  /** 429. */
  | 'throttled'
  /** 5xx, or no connection. */
  | 'unavailable'
  /** No answer in time. */
  | 'timeout'
  /** An answer that is not what the API promises. */
  | 'malformed'
  /** The caller's own signal. */
  | 'aborted';

export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** What the server asks to wait, in milliseconds; null when it does not say. */
    readonly retryAfterMs: number | null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** True when the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return ['conflict', 'throttled', 'unavailable', 'timeout', 'malformed', 'gone'].includes(this.kind);
  }
}

const statusSchema = z.object({ message: z.string().optional(), reason: z.string().optional() });
const longestSentence = 2_000;

/** @param doing such as `apply Deployment default/mnist-teacher-cpu` */
export function apiErrorFromAnswer(doing: string, status: number, body: string, retryAfter: string | null): ApiError {
  const sentence = sentenceOf(body).slice(0, longestSentence);
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter === null || !(seconds >= 0) ? null : seconds * 1_000;
  return new ApiError(kindOfStatus(status), `${doing}: ${sentence} (${String(status)})`, status, retryAfterMs);
}

function sentenceOf(body: string): string {
  try {
    return statusSchema.parse(JSON.parse(body)).message ?? body;
  } catch {
    return body.trim() === '' ? 'an empty answer' : body.trim();
  }
}

function kindOfStatus(status: number): ApiErrorKind {
  switch (status) {
    case 400:
    case 422:
      return 'invalid';
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 409:
      return 'conflict';
    case 410:
      return 'gone';
    case 429:
      return 'throttled';
    case 504:
      return 'timeout';
    default:
      return status >= 500 ? 'unavailable' : 'malformed';
  }
}

/** Translates what fetch threw, whatever layer it came from. */
export function apiErrorFromFailure(doing: string, error: unknown, signal: AbortSignal | undefined): ApiError {
  if (error instanceof ApiError) return error;
  const options = { cause: error };
  if (signal?.aborted === true) return new ApiError('aborted', `${doing}: given up`, 0, null, options);
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') {
    return new ApiError('timeout', `${doing}: no answer from the API server in time`, 0, null, options);
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  const text = [error instanceof Error ? error.message : String(error), cause].filter((part) => part !== '').join(': ');
  return new ApiError('unavailable', `${doing}: the API server cannot be reached (${text})`, 0, null, options);
}
