/** An exporter that says in the log when the collector stops to take spans, and when it takes them again: once each. */
import { printable } from '@distillery/base';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

import type { TracingLog } from './tracer.js';

type Done = Parameters<SpanExporter['export']>[1];

export class ReportingExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #endpoint: string;
  readonly #log: TracingLog;
  #isFailing = false;

  constructor(inner: SpanExporter, endpoint: string, log: TracingLog) {
    this.#inner = inner;
    this.#endpoint = endpoint;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#inner.export(spans, ({ code, error }) => {
      this.#note(code === ExportResultCode.SUCCESS, error);
      // Reported: the SDK would report it a second time, to no reader.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve();
  }

  #note(isTaken: boolean, error: Error | undefined): void {
    if (isTaken !== this.#isFailing) return;
    this.#isFailing = !isTaken;
    const endpoint = this.#endpoint;
    if (isTaken) {
      this.#log.info({ endpoint }, 'the collector takes traces again');
      return;
    }
    const reason = printable(error?.message ?? 'no reason given');
    this.#log.warn({ endpoint, reason }, 'the collector takes no traces, and they are dropped; check the address');
  }
}
