/** The settings of tracing, under OpenTelemetry's standard names, and what they accept. Pure. */

/** Base address of the collector: the path `/v1/traces` is appended. Empty or absent = tracing is off. */
export const endpointVariable = 'OTEL_EXPORTER_OTLP_ENDPOINT';
/** Fraction of the traces that are recorded. */
export const ratioVariable = 'OTEL_TRACES_SAMPLER_ARG';

export interface TracingSettings {
  readonly endpoint: string;
  /** From 0 to 1. */
  readonly ratio: number;
}

export const defaultRatio = 0.01;
/** As clauses after "expected". */
export const collectorForm = 'http://HOST:PORT or https://HOST:PORT, without a login';
export const ratioForm = 'a number from 0 to 1';

/** A login in the address would stand in every pod's environment; OTEL_EXPORTER_OTLP_HEADERS holds one. */
export function isCollectorUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

/** @returns null for a text that is no number from 0 to 1 */
export function ratioOf(text: string): number | null {
  if (!/^(0|1|[01]?\.\d{1,9})$/.test(text)) return null;
  const ratio = Number(text);
  return ratio <= 1 ? ratio : null;
}

type Variables = Readonly<Partial<Record<typeof endpointVariable | typeof ratioVariable, string | undefined>>>;

/** @param variables checked before: an invalid ratio counts as the default. @returns null = off */
export function tracingOf(variables: Variables): TracingSettings | null {
  const endpoint = variables[endpointVariable] ?? '';
  return endpoint === '' ? null : { endpoint, ratio: ratioOf(variables[ratioVariable] ?? '') ?? defaultRatio };
}
