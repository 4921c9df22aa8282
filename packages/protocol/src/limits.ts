/** The constants of protocol v1 (docs/protocol.md); both sides and the operator's stream configuration use these. */

export const protocolVersion = 1;

/** How long a teacher may stay silent about an item before it is redelivered; `working()` comes every third of it. */
export const ackWaitMs = 3_000;
/** A teacher that fails a work item at this delivery or later writes it to DEAD (design §4 "Poison"). */
export const maxDeliveries = 5;
/**
 * Deliveries of one work item that may end without an answer before it goes to DEAD. Most of them blame the item for nothing:
 * the teacher was drained, killed or starved of processor time (ADR 2).
 */
export const maxUnansweredDeliveries = 20;
/** Work items a teacher holds: one in inference, one being loaded. */
export const teacherPrefetch = 2;
/** A logits message stays below this, so that max_payload 1 MiB is never near. */
export const maxFrameBytes = 512 * 1024;
/** Logits in a frame once decoded (128 MiB of float32): a few bytes of a hostile top-k header cannot claim more. */
export const maxFrameValues = 64 * maxFrameBytes;
/** Highest temperature of a top-k frame: up to it a restored row of finite logits is always finite. */
export const maxTemperature = 1024;
/** Times that the student feeds a step whose frame came back damaged before the job fails. */
export const maxFrameRetries = 5;
/** The student never feeds further ahead than this many steps, whatever the buffer target says. */
export const maxWindowSteps = 1024;
/** A telemetry value older than this is stale: the observer must hold, not scale (design §5.5). */
export const telemetryStaleMs = 5_000;
/** Within this time of SIGTERM a teacher has finished or given back what it holds. */
export const teacherDrainMs = 2_000;
/** The oldest nats-server whose streams have all that the contract asks for. */
export const minimumNatsVersion = '2.10.0';
/** Client settings (design §4): a lost pull is noticed in about 2 s instead of 30 s. */
export const consumeExpiresMs = 5_000;
export const consumeHeartbeatMs = 1_000;
