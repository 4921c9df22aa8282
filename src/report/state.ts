/** How a run stands, in words. Pure. */
import type { ReportInput } from './input.js';

export interface RunState {
  readonly word: string;
  readonly tone: 'good' | 'bad' | 'warn';
  /** A sentence. */
  readonly says: string;
}

export function stateOf({ status, isRunning }: ReportInput): RunState {
  const phase = status?.phase;
  const steps = stepsText(status?.progress);
  if (phase === 'Succeeded') {
    return { word: 'complete', tone: 'good', says: `All of its training is done: ${steps}.` };
  }
  if (phase === 'Failed') {
    const why = status?.conditions?.find(({ type, status: holds }) => type === 'Failed' && holds === 'True')?.message;
    return { word: 'failed', tone: 'bad', says: why ?? 'It failed without a reason.' };
  }
  const suspended = phase === 'Suspended' ? 'suspended' : 'unfinished';
  return isRunning
    ? { word: 'running', tone: 'warn', says: `It is still running: ${steps} so far.` }
    : { word: suspended, tone: 'warn', says: `It is not finished: ${steps} so far.` };
}

function stepsText(progress: { readonly step: number; readonly steps: number } | undefined): string {
  if (progress === undefined) return 'no step';
  return `${progress.step.toLocaleString('en')} of ${progress.steps.toLocaleString('en')} steps`;
}
