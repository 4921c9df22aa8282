/**
 * How many requests the API server has answered since it started, by its own metric (apiserver_request_total). The
 * difference of two readings is the number of requests in between; the audit log also records the users, at a cost per
 * request.
 */
export interface RequestSelector {
  readonly verb?: string | readonly string[];
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  /** HTTP status, as the server writes it: `200`. */
  readonly code?: string;
}
type Labels = Readonly<Record<string, string>>;

/** Verbs as the server counts them; server-side apply has its own. */
const writeVerbs = ['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'DELETECOLLECTION'];

const series = /^apiserver_request_total\{(.*)\} (\S+)$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export class RequestCounts {
  readonly #counts: readonly { readonly labels: Labels; readonly value: number }[];

  /** @param text the response of /metrics */
  constructor(text: string) {
    this.#counts = text.split('\n').flatMap((line) => {
      const [, labels, value] = series.exec(line) ?? [];
      if (labels === undefined || value === undefined) return [];
      const pairs = [...labels.matchAll(label)].map(([, name = '', text = '']) => [name, text] as const);
      return [{ labels: Object.fromEntries(pairs), value: Number(value) }];
    });
  }

  total(selector: RequestSelector = {}): number {
    const wanted = Object.entries(selector) as [string, string | readonly string[]][];
    return this.#counts
      .filter(({ labels }) => wanted.every(([name, values]) => [values].flat().includes(labels[name] ?? '')))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Number of requests that write. */
  writes(selector: Omit<RequestSelector, 'verb'> = {}): number {
    return this.total({ ...selector, verb: writeVerbs });
  }
}
