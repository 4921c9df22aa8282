/** The door of the room of drafts: from what was seen to a job. */
export { decide } from './decide.js';
export type { Choice, DatasetChoice, Decision, Draft, Inspection, Question } from './outcome.js';
export type {
  Asked,
  Beside,
  ColumnContent,
  Found,
  FoundData,
  Opened,
  Reading,
  Seen,
  SeenColumn,
  SeenData,
  SeenTeacher,
  TeacherFormat,
  Trial,
} from './seen.js';
