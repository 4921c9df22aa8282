/** The door of the base room: what every worker room may need, and nothing that knows models, data or streams. */
export { WorkerError, writeLastWords } from './exit.js';
export { framesOf, librarySentence } from './library-error.js';
export type { Log } from './log.js';
export { loginProblems, readLogin } from './login.js';
export type { WorkerLogin, WorkerTls } from './login.js';
export { Meter } from './meter.js';
export type { Rates } from './meter.js';
export { Notes } from './notes.js';
export { readText } from './read-text.js';
