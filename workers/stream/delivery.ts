/** What the subjects of a delivered message say: its shard and step, and its position in the stream. Pure. */

/**
 * What a delivery's reply subject says. `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>. …`, and from server 2.15
 * on with a domain and an account hash before the stream.
 */
export function deliveryOf(reply: string): { readonly deliveries: number; readonly sequence: number } {
  const tokens = reply.split('.');
  const first = tokens.length === 9 ? 4 : 6;
  return { deliveries: Number(tokens[first] ?? 1), sequence: Number(tokens[first + 1] ?? 0) };
}

/** Shard and step of a WORK or LOGITS subject; NaN where a foreign writer put something else. */
export function frameIdOf(subject: string): { readonly shard: number; readonly step: number } {
  const [shard, step] = subject.split('.').slice(-2).map(Number);
  return { shard: shard ?? NaN, step: step ?? NaN };
}
