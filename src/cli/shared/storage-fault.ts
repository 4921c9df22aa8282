import { codeOf, type FaultOf, problemOf, writeRefusalOf } from '@distillery/base';

/** Codes that concern a disk, whatever the file. EPERM is left out: it also answers signals. */
const storageCodes: ReadonlySet<string> = new Set(['EACCES', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO']);

/** @returns the fault of the disk that the operating system reports; null when the error is about something else */
export function storageFault(error: unknown): FaultOf | null {
  const code = codeOf(error);
  const refusal = storageCodes.has(code) ? writeRefusalOf(code) : null;
  return refusal === null ? null : { problem: `${problemOf(refusal)} (${code})`, remedy: refusal.remedy };
}
