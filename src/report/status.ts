/** The parts of a job's status that a report reads, as a file holds them that somebody may have changed. */
import { z } from 'zod';

import type { DistillJobStatus } from '../api/index.js';

const number = z.number();
const metrics = z.array(z.object({ name: z.string(), value: number })).optional();

const statusSchema = z.looseObject({
  phase: z.string().optional(),
  conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), message: z.string() })).optional(),
  progress: z
    .looseObject({
      step: number,
      steps: number,
      loss: number.optional(),
      accuracy: number.optional(),
      replacedRows: number.optional(),
      metrics,
    })
    .optional(),
  teachers: z
    .looseObject({
      pools: z.array(
        z.looseObject({
          name: z.string(),
          ready: number,
          desired: number,
          reason: z.string(),
          why: z.string().optional(),
        }),
      ),
    })
    .optional(),
  usage: z.looseObject({ teacherSlotSeconds: number, studentSlotSeconds: number }).optional(),
  disruptions: z.looseObject({ teacher: number, student: number }).optional(),
  notes: z.array(z.string()).optional(),
  result: z
    .looseObject({ digest: z.string(), loss: number.optional(), accuracy: number.optional(), metrics })
    .optional(),
});

/** @returns null for a value that is no status */
export function readStatus(value: unknown): DistillJobStatus | null {
  return statusSchema.safeParse(value).success ? (value as DistillJobStatus) : null;
}
