/** A time as Kubernetes writes it: `2026-11-24T12:00:00Z`, whole seconds, the fraction left off. Pure. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
