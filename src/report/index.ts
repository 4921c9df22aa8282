/** The door of the report room: the history that a run keeps of itself, and the page that is made of it. */
export { bounded, firstIntervalMs, isDue, isFull } from './bounded.js';
export {
  type History,
  historyFormat,
  type HistoryLine,
  historyText,
  isHistory,
  type LineOf,
  linesOf,
  lineText,
  maxHistoryBytes,
  readHistory,
} from './history.js';
export type { ReportInput, Trained } from './input.js';
export { isReport, reportPage } from './page.js';
export { stateOf } from './state.js';
export { readStatus } from './status.js';
