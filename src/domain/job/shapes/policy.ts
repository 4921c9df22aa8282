/**
 * What an administrator may tune about the decisions for one job. It is part of the snapshot, so that a replay decides the
 * same (I6). The operator's configuration file sets it; a local run uses the defaults.
 */
export interface Policy {
  /** A started teacher is kept for this long while there is work for it (damp/M3). */
  readonly minimumRunMs: number;
  /** A teacher that has no place for this long, where the ledger saw room, is given up (pause.ts). */
  readonly unplacedMs: number;
  /** How long its pool then gets no other teacher. */
  readonly pauseMs: number;
  /** Without a step for this long, Progressing becomes False. */
  readonly stallMs: number;
}

export const defaultPolicy: Policy = {
  // Loading the model takes about ten seconds: a teacher that stops sooner than this was not worth its start.
  minimumRunMs: 60_000,
  // No teacher stays Pending for ten seconds: it is given up before that.
  unplacedMs: 5_000,
  pauseMs: 60_000,
  stallMs: 60_000,
};

/** The policy of a snapshot; the defaults when an earlier version saved it. */
export function policyOf({ policy = defaultPolicy }: { readonly policy?: Policy }): Policy {
  return policy;
}
