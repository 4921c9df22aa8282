/** log Σ exp(logit / temperature) of the row that begins at `start`. Pure; no overflow for finite logits. */
export function logSumExp(
  logits: Float32Array | Float64Array,
  start: number,
  columns: number,
  temperature: number,
): number {
  let largest = -Infinity;
  for (let at = start; at < start + columns; at++) largest = Math.max(largest, logits[at] ?? 0);
  let sum = 0;
  for (let at = start; at < start + columns; at++) sum += Math.exp(((logits[at] ?? 0) - largest) / temperature);
  return largest / temperature + Math.log(sum);
}
