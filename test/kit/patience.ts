/**
 * How long tests wait for a condition before they call it a failure. Long enough that a machine under heavy load never
 * decides: a test that passes ends when its condition holds, so the limit costs time only where something hangs.
 */
export const patienceMs = 300_000;
