/** Every uri of a place that the workers of a job read, in one list: validation, command and rendering follow it. Pure. */
import type { DistillJob } from './generated/distilljob.js';
import type { PodRole } from './template/index.js';

export interface JobUri {
  /** "spec.teacher.model.uri" */
  readonly path: string;
  readonly uri: string;
  readonly readBy: readonly PodRole[];
}

export function jobUris({ spec: { dataset, teacher, student } }: DistillJob): readonly JobUri[] {
  return [
    { path: 'spec.dataset.uri', uri: dataset.uri, readBy: ['teacher', 'student'] },
    ...modelUris('teacher', 'spec.teacher', teacher),
    ...(teacher.ensemble?.members ?? []).flatMap((member, at) =>
      modelUris('teacher', `spec.teacher.ensemble.members[${String(at)}]`, member),
    ),
    ...modelUris('student', 'spec.student', student),
  ];
}

/** What both sides, and the members of an ensemble, have in common. */
interface Side {
  readonly model: { readonly uri: string; readonly weights?: { readonly uri: string } | undefined };
  readonly tokenizer?: { readonly uri: string } | undefined;
}

function modelUris(role: PodRole, path: string, { model, tokenizer }: Side): readonly JobUri[] {
  const named = [
    { path: `${path}.model.uri`, uri: model.uri },
    { path: `${path}.model.weights.uri`, uri: model.weights?.uri },
    { path: `${path}.tokenizer.uri`, uri: tokenizer?.uri },
  ];
  return named.flatMap(({ path, uri }) => (uri === undefined ? [] : [{ path, uri, readBy: [role] }]));
}

/** The job with each of those uris changed. */
export function withUris(job: DistillJob, change: (uri: string) => string): DistillJob {
  const { dataset, teacher, student } = job.spec;
  const changed = <S extends Side>(side: S): S => ({
    ...side,
    model: {
      ...side.model,
      uri: change(side.model.uri),
      ...(side.model.weights === undefined
        ? {}
        : { weights: { ...side.model.weights, uri: change(side.model.weights.uri) } }),
    },
    ...(side.tokenizer === undefined ? {} : { tokenizer: { ...side.tokenizer, uri: change(side.tokenizer.uri) } }),
  });
  const { ensemble } = teacher;
  return {
    ...job,
    spec: {
      ...job.spec,
      dataset: { ...dataset, uri: change(dataset.uri) },
      teacher: {
        ...changed(teacher),
        ...(ensemble === undefined ? {} : { ensemble: { ...ensemble, members: ensemble.members.map(changed) } }),
      },
      student: changed(student),
    },
  };
}
