/** Formats a time as the API server writes a metav1.Time, without fractions of a second: `2026-11-24T12:00:00Z`. */
export function kubernetesTime(msSince1970: number): string {
  return new Date(msSince1970).toISOString().replace(/\.\d+Z$/, 'Z');
}
