/** The door of the history room: what a run or a job of a cluster records of itself over time. */
export { bounded, ends, fitting, historyLimits, type HistoryLimits, isDue, isFull } from './bounded.js';
export { continued, sameTelemetry } from './continued.js';
export {
  firstIntervalMs,
  type History,
  type HistoryLine,
  historyText,
  isHistory,
  type LineOf,
  linesOf,
  lineText,
  maxHistoryBytes,
  newHistory,
  readHistory,
} from './history.js';
export { changesOf, eventLine, phaseChange, sampleOf } from './lines.js';
export { restingPhases, runningTime } from './running-time.js';
