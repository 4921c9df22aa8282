/** The header `traceparent` of W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/). Pure. */

/** Name of the header, of HTTP and of NATS alike. */
export const traceHeader = 'traceparent';

/** Where a span lies. */
export interface TraceContext {
  /** 32 lowercase hex digits, not all 0. */
  readonly traceId: string;
  /** 16 lowercase hex digits, not all 0. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/** A later version may append fields after the fourth. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** The header comes from another process. A valid one of version 00 has 55 characters. */
const longest = 256;

/** @returns null for a header that is absent or invalid; the trace then ends here, as the standard says */
export function parseTraceparent(header: string | undefined): TraceContext | null {
  if (header === undefined || header.length > longest) return null;
  const match = form.exec(header);
  if (match === null) return null;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceparentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
