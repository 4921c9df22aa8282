/** The trace context of messages: the header `traceparent`, which no reader needs (docs/protocol.md). */
import { traceHeader } from '@distillery/tracing';
import { type MsgHdrs, headers } from '@nats-io/transport-node';

/** Options of a publish; undefined without a context: the message then has no headers. */
export function tracedBy(traceparent: string | undefined): { readonly headers: MsgHdrs } | undefined {
  if (traceparent === undefined) return undefined;
  const traced = headers();
  traced.set(traceHeader, traceparent);
  return { headers: traced };
}

/** @returns undefined for a message without it; the header is another process's word */
export function traceparentIn(given: MsgHdrs | undefined): string | undefined {
  if (given === undefined) return undefined;
  const value = given.get(traceHeader);
  return value === '' ? undefined : value;
}
