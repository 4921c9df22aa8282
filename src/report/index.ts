/** The door of the report room: the page that is made of a run or a job, and its history. */
export type { ReportInput, Trained } from './input.js';
export { isReport, reportPage } from './page.js';
export { stateOf } from './state.js';
export { readStatus } from './status.js';
