/** What the status of a pool of teachers says, also where it leaves a field out. Pure. */

/**
 * @param pool null or undefined = not reported yet
 * @returns teachers that the pool would have if there were slots for all. While their number is held, for want of telemetry or because
 *   the job rests, the status names none: those that it should have now.
 */
export function wantedTeachers(
  pool: { readonly desired: number; readonly wanted?: number } | null | undefined,
): number {
  return pool?.wanted ?? pool?.desired ?? 0;
}
