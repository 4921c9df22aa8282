/** How far ahead of the trained step the student feeds: credits (design §4 "Credits"). Pure. */
import { bytesPerRow, headerBytes, type Manifest, maxWindowSteps, teacherPrefetch } from '@distillery/protocol';

export interface WindowInput {
  readonly bufferTargetSeconds: number;
  /** Steps a second that the compute thread manages without waiting; 0 while unknown. */
  readonly unstarvedStepsPerSecond: number;
  /** From feeding an item to its frame, without waiting in the queue; 0 while unknown. */
  readonly answerSeconds: number;
  /** Stored bytes of one step, all shards. */
  readonly stepBytes: number;
  /** Upper bound of the LOGITS stream. */
  readonly maxBytes: number;
}

/** Before the first rate is known: enough for a few teachers to start on. */
const initialSteps = 16;
const leastSteps = 4;

/** An item waits for and takes its turn among those in a teacher's hands, and again at another one when the first dies. */
const answersAhead = 2 * teacherPrefetch;

/**
 * Steps to feed ahead: the target, and what is in the teachers' hands meanwhile. Otherwise a fleet that takes longer for
 * an item than the target lasts could never be busy as a whole, and a target of the ack wait would not bridge a killed
 * teacher (docs/adr/0013). The window stays under half of maxBytes (retention.ts keeps trained frames under a quarter), so
 * that the stream's discard-new is a safety net and never the brake; never below one step, or nothing would move.
 */
export function windowSteps(input: WindowInput): number {
  const wanted =
    input.unstarvedStepsPerSecond > 0
      ? Math.ceil((input.bufferTargetSeconds + answersAhead * input.answerSeconds) * input.unstarvedStepsPerSecond)
      : initialSteps;
  const affordable = Math.floor(input.maxBytes / 2 / input.stepBytes);
  return Math.max(1, Math.min(maxWindowSteps, affordable, Math.max(leastSteps, wanted)));
}

interface StepShape {
  readonly manifest: Manifest;
  readonly columns: number;
  readonly shards: number;
  /** Prediction positions of each sample. */
  readonly positions: number;
}

/** Bytes of a full step's messages, known before the first has come. */
export function stepBytesOf({ manifest, columns, shards, positions }: StepShape): number {
  const { training, logits } = manifest;
  const rows = training.batchSize * positions;
  return shards * headerBytes + rows * bytesPerRow(columns, logits.encoding, logits.topK);
}
