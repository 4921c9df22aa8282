/** Reads conditions of a status. Pure. */
import type { DistillJobStatus, StatusCondition } from '../../../api/index.js';

type MaybeStatus = Pick<DistillJobStatus, 'conditions'> | undefined;

export function conditionIn(status: MaybeStatus, type: string): StatusCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isTrueIn(status: MaybeStatus, type: string): boolean {
  return conditionIn(status, type)?.status === 'True';
}

/** The condition that ended the job, Complete or Failed; undefined while it has not ended. */
export function endIn(status: MaybeStatus): StatusCondition | undefined {
  return status?.conditions?.find(
    ({ type, status: value }) => (type === 'Complete' || type === 'Failed') && value === 'True',
  );
}
