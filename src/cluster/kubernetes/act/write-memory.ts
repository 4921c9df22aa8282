/**
 * What the API server answered to writes of ours, where no watch delivers the answer again. Only facts are kept, no
 * decisions: a restarted operator starts without them, writes once more, and gets the same answers (docs/adr/0032).
 */
import type { WrittenInputs } from './worker-objects.js';

interface JobWrites {
  /** The generation of the job that the API server refused, and its sentence. */
  refusal: { readonly generation: number | undefined; readonly sentence: string } | null;
  inputs: WrittenInputs | null;
  /** By uid of an object: the generation that our last write left. */
  readonly generations: Map<string, number>;
}

export class WriteMemory {
  readonly #jobs = new Map<string, JobWrites>();

  /** Jobs of which something is kept. */
  get size(): number {
    return this.#jobs.size;
  }

  forget(jobUid: string): void {
    this.#jobs.delete(jobUid);
  }

  /** @returns the API server's sentence against this generation; null = none */
  refusalOf(jobUid: string, generation: number | undefined): string | null {
    const refusal = this.#jobs.get(jobUid)?.refusal ?? null;
    return refusal !== null && refusal.generation === generation ? refusal.sentence : null;
  }

  refused(jobUid: string, generation: number | undefined, sentence: string): void {
    this.#of(jobUid).refusal = { generation, sentence };
  }

  accepted(jobUid: string): void {
    this.#of(jobUid).refusal = null;
  }

  inputsOf(jobUid: string): WrittenInputs | null {
    return this.#jobs.get(jobUid)?.inputs ?? null;
  }

  wroteInputs(jobUid: string, inputs: WrittenInputs): void {
    this.#of(jobUid).inputs = inputs;
  }

  forgetInputs(jobUid: string): void {
    const writes = this.#jobs.get(jobUid);
    if (writes !== undefined) writes.inputs = null;
  }

  /** @returns the generation that our last write left of an object; undefined = this process has not written it */
  generationOf(jobUid: string, objectUid: string): number | undefined {
    return this.#jobs.get(jobUid)?.generations.get(objectUid);
  }

  wrote(jobUid: string, objectUid: string, generation: number): void {
    this.#of(jobUid).generations.set(objectUid, generation);
  }

  deleted(jobUid: string, objectUid: string): void {
    this.#jobs.get(jobUid)?.generations.delete(objectUid);
  }

  #of(jobUid: string): JobWrites {
    const writes = this.#jobs.get(jobUid) ?? { refusal: null, inputs: null, generations: new Map<string, number>() };
    this.#jobs.set(jobUid, writes);
    return writes;
  }
}
