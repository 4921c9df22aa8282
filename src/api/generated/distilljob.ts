/** Generated from crds/distilljobs.yaml by scripts/generate.ts; change that file and run `make generate`. */

// A job as the API server stores it: every default is filled in. The rest of the code uses these.

/**
 * One student trained from one teacher model on one data set.
 */
export interface DistillJob {
  /**
   * Version of the API that this object is written in.
   */
  apiVersion: 'distillery.dev/v1alpha1';
  /**
   * Kind of the object.
   */
  kind: 'DistillJob';
  metadata: ObjectMeta;
  spec: DistillJobSpec;
  status?: DistillJobStatus;
}
/**
 * Kubernetes' ObjectMeta, as far as a file or the API server gives it.
 */
export interface ObjectMeta {
  /**
   * Name of the job: a DNS label of at most 63.
   */
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: Record<string, unknown>[];
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  generateName?: string;
  managedFields?: Record<string, unknown>[];
}
/**
 * What is to be trained, from what, and with which means.
 */
export interface DistillJobSpec {
  /**
   * LocalQueue of Kueue in the job's namespace. The student starts when Kueue admits it; until then the phase is Queued and the job has no teachers. Absent: no queue.
   */
  queueName?: string;
  /**
   * WorkloadPriorityClass of Kueue for the student. Absent: the priority of the student's pod decides.
   */
  priorityClass?: string;
  /**
   * Controller that runs the job. The operator leaves a job alone unless the field is absent or `distillery.dev/operator`.
   */
  managedBy?: string;
  /**
   * True stops teachers and student after a checkpoint and gives every slot back; false continues from there.
   */
  suspend: boolean;
  /**
   * Share of the slots of this job's namespace against its other jobs. The operator's settings may limit it.
   */
  weight: number;
  dataset: Dataset;
  training: Training;
  teacher: Teacher;
  logits: Logits;
  student: Student;
  /**
   * Seconds after its end at which the job and all it owns are deleted.
   */
  ttlSecondsAfterFinished: number;
  /**
   * Student errors after which the job fails; disruptions are never charged.
   */
  backoffLimit: number;
}
/**
 * The samples, with or without labels.
 */
export interface Dataset {
  /**
   * How the samples are stored; docs/data.md describes each format.
   */
  format: 'idx' | 'npy' | 'csv' | 'jsonl' | 'parquet' | 'imageFolder' | 'webdataset' | 'files';
  /**
   * Where they are: `package://NAME[/PATH]`, `file://PATH` (relative to the job file in a local run; an absolute path inside the worker image in a cluster), `pvc://CLAIM/PATH`, `https://HOST/PATH` or `s3://BUCKET/PATH`; `#sha256=DIGEST` after a remote file pins its content; docs/reference/api.md says under Uris what `#`, `?`, `%` and spaces mean.
   */
  uri: string;
  secretRef?: DatasetSecretRef;
  /**
   * What a sample consists of: its inputs and at most one target. Absent: what docs/data.md says of the format.
   */
  fields?: DatasetField[];
  split?: DatasetSplit;
  /**
   * What follows when a row cannot be read: Fail ends the job and names file and row, Replace takes the next good row of the split in its place.
   */
  onBadSample: 'Fail' | 'Replace';
  /**
   * Reference: teachers read the data set themselves. Inline: samples travel in the work item, for teachers that cannot reach it.
   */
  delivery: 'Reference' | 'Inline';
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface DatasetSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
export interface DatasetField {
  /**
   * Name of the input of the samples, or of the target; unique in the job.
   */
  name: string;
  /**
   * What the column holds. `image`, `tensor`, `text` and `bytes` are inputs; `class` (one class), `classes` (any number of them) and `target` (numbers) are what is right for the sample.
   */
  type: 'image' | 'tensor' | 'text' | 'bytes' | 'class' | 'classes' | 'target';
  /**
   * Columns of the data set; absent = the column of the field's name. A tensor or target may join several numeric columns, and `["*"]` is every numeric column that no other field names.
   */
  columns?: string[];
  /**
   * Height in pixels after resizing, without regard to proportions. Absent: every picture must have the size of the first one.
   */
  height?: number;
  /**
   * Width in pixels after resizing.
   */
  width?: number;
  /**
   * 1 makes pictures gray, 3 RGB. Absent = as the first picture has.
   */
  channels?: 1 | 3;
  /**
   * Shape of one sample; absent = as the column has it.
   */
  shape?: number[];
  /**
   * Type of the numbers that the model gets; absent = Float32.
   */
  dtype?: 'Float32' | 'Int32';
  /**
   * Bytes taken from the start of the content; absent = 1024.
   */
  head?: number;
  /**
   * Bytes taken from its end; absent = 1024.
   */
  tail?: number;
  /**
   * Value of the places that the content does not fill; absent = 256, which is no byte.
   */
  padding?: number;
  /**
   * Whether whitespace at the start of the head and at the end of the tail is left out; absent = true.
   */
  strip?: boolean;
  /**
   * Names of the classes in the order of the model's outputs. Absent: numbers count from `firstClass`, names are sorted by their UTF-8 bytes.
   */
  classes?: string[];
  /**
   * The number in the data that stands for the first class; absent = 0.
   */
  firstClass?: 0 | 1;
  /**
   * What separates several classes in one text; absent = a comma.
   */
  separator?: string;
}
/**
 * What is trained on and what is held out. Absent: as the data set is divided already, see docs/data.md; else nothing is held out.
 */
export interface DatasetSplit {
  /**
   * File or folder of the training samples, below the uri.
   */
  train?: string;
  /**
   * File or folder of the samples that are held out for evaluation, below the uri.
   */
  test?: string;
  /**
   * Share of the rows that is held out. A hash of each row decides, so that a row stays where it is when others are added.
   */
  testFraction?: number;
}
/**
 * What decides the order and number of steps.
 */
export interface Training {
  /**
   * Samples a step.
   */
  batchSize: number;
  /**
   * Passes over the data set.
   */
  epochs: number;
  /**
   * Decides initial weights, the order of the samples and the augmentation.
   */
  seed: number;
  /**
   * Strict trains steps in order: final weights do not depend on what died on the way. Relaxed trains whichever step is ready.
   */
  order: 'Strict' | 'Relaxed';
  /**
   * Rows draws every sample from the whole data set. Blocks draws whole blocks of rows and mixes the rows of some blocks at a time, for data whose rows are slow to read one by one.
   */
  shuffle: 'Rows' | 'Blocks';
  earlyStop?: TrainingEarlyStop;
  augment: TrainingAugment;
}
/**
 * Ends training before the last epoch when the evaluations no longer improve, as Keras's EarlyStopping does. Absent: all epochs are trained.
 */
export interface TrainingEarlyStop {
  /**
   * Score of the evaluation split that has to improve: fall, if it is a loss, an error or a divergence, otherwise rise. Those that begin with heldOut need a teacher and no labels (student.evaluation.teacherSamples).
   */
  metric:
    | 'loss'
    | 'accuracy'
    | 'top5Accuracy'
    | 'microF1'
    | 'meanAbsoluteError'
    | 'heldOutAgreement'
    | 'heldOutTopKOverlap'
    | 'heldOutKlDivergence';
  /**
   * Evaluations without improvement after which training ends.
   */
  patience: number;
  /**
   * A change of at most this counts as no improvement.
   */
  minDelta: number;
  /**
   * Only a score better than this counts as an improvement. Absent = none.
   */
  baseline?: number;
  /**
   * Whether the weights of the best evaluation are exported instead of the last ones, also when all epochs are trained.
   */
  restoreBestWeights: boolean;
}
/**
 * Random changes to each sample, the same for teacher and student.
 */
export interface TrainingAugment {
  /**
   * Largest shift in pixels along each axis.
   */
  shift: number;
  /**
   * Standard deviation of additive noise, in units of the [0, 1] pixel range.
   */
  noise: number;
  /**
   * Whether each sample is mirrored from left to right with probability one half.
   */
  flip: boolean;
}
/**
 * The model that is distilled, and the fleet that runs it.
 */
export interface Teacher {
  /**
   * LocalQueue of Kueue for teachers: Kueue starts each one when its ClusterQueue has quota, and takes it back when the lender needs the quota. Absent: teachers take free slots outside any quota.
   */
  queueName?: string;
  model: TeacherModel;
  input: TeacherInput;
  /**
   * What feeds each input of a model, where that is not plain: equal names, the only field for the only input, and the inputs of text models are found without it.
   */
  inputs?: TeacherInput1[];
  tokenizer?: TeacherTokenizer;
  output: TeacherOutput;
  ensemble?: TeacherEnsemble;
  /**
   * How far, in seconds of training, the teachers should be ahead of the student.
   */
  bufferTargetSeconds: number;
  /**
   * Largest difference of a logit from the job's reference answers with which a teacher may still join.
   */
  tolerance: number;
  /**
   * What follows when no teacher can label a step: Fail ends the job, Skip trains that step on the labels alone.
   */
  onFailure: 'Fail' | 'Skip';
  /**
   * Kinds of accelerator that teachers may use, cheapest first.
   */
  pools: TeacherPool[];
}
/**
 * The teacher model.
 */
export interface TeacherModel {
  /**
   * How the model is stored: an ONNX file, the model.json of a TensorFlow.js layers or graph model with its weights beside it, or the folder of a TensorFlow SavedModel, which the runtime `native` computes.
   */
  format: 'onnx' | 'tfjs-layers' | 'tfjs-graph' | 'saved-model';
  /**
   * Which signature of a SavedModel answers. Absent: serving_default, or the only one.
   */
  signature?: string;
  /**
   * Where it is; the schemes of `dataset.uri`, and `configmap://NAME/KEY` for a file that fits a ConfigMap.
   */
  uri: string;
  secretRef?: TeacherModelSecretRef;
  /**
   * Longest time, in seconds, for loading the model with a first trial, and for computing one batch. A model that loads for longer fails the job. Raise it for a large model on a slow disk.
   */
  timeoutSeconds: number;
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface TeacherModelSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * How a sample becomes the model's only input: (x · scale − mean) / std, in the layout that the model takes. A model with several inputs has `inputs`.
 */
export interface TeacherInput {
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherInputResize;
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherInputResize {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
export interface TeacherInput1 {
  /**
   * Name of the model's input.
   */
  name: string;
  /**
   * Name of the field of the samples that feeds it.
   */
  field?: string;
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherInputsResize;
  /**
   * What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`).
   */
  tokens?: 'Ids' | 'Mask' | 'TypeIds';
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherInputsResize {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
/**
 * What turns texts into tokens; it belongs to the digest of the model.
 */
export interface TeacherTokenizer {
  /**
   * Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.
   */
  uri: string;
  /**
   * Longer texts are cut, before their closing tokens.
   */
  maxTokens: number;
}
/**
 * Which of the model's answers are distilled, and what they are.
 */
export interface TeacherOutput {
  /**
   * Name of the model's output. Absent, it has only one of floating-point numbers.
   */
  name?: string;
  /**
   * What its numbers are. Probabilities: rows sum to 1, and their logarithm is distilled. Sigmoid: one probability a class, and their logits are distilled. Embedding: they are distilled as they are. Absent: recognized by the end of the model and its first answers.
   */
  kind?: 'Logits' | 'Probabilities' | 'Sigmoid' | 'Embedding';
  /**
   * How one row a token becomes one row a sample: the mean over the tokens of the text, or the first.
   */
  pooling?: 'Mean' | 'First';
  /**
   * Whether each row is divided by its Euclidean length.
   */
  normalize?: boolean;
  /**
   * Columns of the answers that are kept, in this order. Absent, all are.
   */
  columns?: number[];
}
/**
 * Further models that answer together with `teacher.model` in every teacher process. Their answers are averaged by weight as the student's loss compares them: shares of the classes at `student.loss.temperature` for KL, the probability of each class for BinaryCrossEntropy, plain numbers for MSE and Cosine.
 */
export interface TeacherEnsemble {
  /**
   * Weight of the model's answers; the sum of all weights counts as 1.
   */
  weight: number;
  /**
   * The models beside `teacher.model`. All of them give the same number of columns.
   */
  members: TeacherEnsembleMember[];
}
export interface TeacherEnsembleMember {
  /**
   * Name of the member, unique in the ensemble; messages use it.
   */
  name: string;
  /**
   * Weight of the model's answers; the sum of all weights counts as 1.
   */
  weight: number;
  model: TeacherEnsembleMembersModel;
  input: TeacherEnsembleMembersInput;
  /**
   * As `teacher.inputs`, for this model.
   */
  inputs?: TeacherEnsembleMembersInput1[];
  tokenizer?: TeacherEnsembleMembersTokenizer;
  output: TeacherEnsembleMembersOutput;
}
/**
 * The model; `teacher.model.secretRef` serves all members.
 */
export interface TeacherEnsembleMembersModel {
  /**
   * How the model is stored: an ONNX file, the model.json of a TensorFlow.js layers or graph model with its weights beside it, or the folder of a TensorFlow SavedModel, which the runtime `native` computes.
   */
  format: 'onnx' | 'tfjs-layers' | 'tfjs-graph' | 'saved-model';
  /**
   * Which signature of a SavedModel answers. Absent: serving_default, or the only one.
   */
  signature?: string;
  /**
   * Where it is; the schemes of `dataset.uri`, and `configmap://NAME/KEY` for a file that fits a ConfigMap.
   */
  uri: string;
  /**
   * Longest time, in seconds, for loading the model with a first trial, and for computing one batch. A model that loads for longer fails the job. Raise it for a large model on a slow disk.
   */
  timeoutSeconds: number;
}
/**
 * As `teacher.input`, for this model.
 */
export interface TeacherEnsembleMembersInput {
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherEnsembleMembersInputResize;
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherEnsembleMembersInputResize {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
export interface TeacherEnsembleMembersInput1 {
  /**
   * Name of the model's input.
   */
  name: string;
  /**
   * Name of the field of the samples that feeds it.
   */
  field?: string;
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherEnsembleMembersInputsResize;
  /**
   * What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`).
   */
  tokens?: 'Ids' | 'Mask' | 'TypeIds';
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherEnsembleMembersInputsResize {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
/**
 * As `teacher.tokenizer`, for this model; every member names its own.
 */
export interface TeacherEnsembleMembersTokenizer {
  /**
   * Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.
   */
  uri: string;
  /**
   * Longer texts are cut, before their closing tokens.
   */
  maxTokens: number;
}
/**
 * As `teacher.output`, for this model.
 */
export interface TeacherEnsembleMembersOutput {
  /**
   * Name of the model's output. Absent, it has only one of floating-point numbers.
   */
  name?: string;
  /**
   * What its numbers are. Probabilities: rows sum to 1, and their logarithm is distilled. Sigmoid: one probability a class, and their logits are distilled. Embedding: they are distilled as they are. Absent: recognized by the end of the model and its first answers.
   */
  kind?: 'Logits' | 'Probabilities' | 'Sigmoid' | 'Embedding';
  /**
   * How one row a token becomes one row a sample: the mean over the tokens of the text, or the first.
   */
  pooling?: 'Mean' | 'First';
  /**
   * Whether each row is divided by its Euclidean length.
   */
  normalize?: boolean;
  /**
   * Columns of the answers that are kept, in this order. Absent, all are.
   */
  columns?: number[];
}
export interface TeacherPool {
  /**
   * Name of the pool, unique in the job.
   */
  name: string;
  /**
   * Extended resource whose units are the slots, such as `nvidia.com/gpu`. Absent: teachers run on the CPU and their cpu and memory requests are the slot.
   */
  resource?: string;
  /**
   * Slots that one teacher needs.
   */
  slotsPerReplica: number;
  /**
   * Teachers kept while there is anything to label, as far as the namespace's share of the slots allows. The operator's settings may limit them.
   */
  minReplicas: number;
  /**
   * Most teachers of this pool; 0 switches it off.
   */
  maxReplicas: number;
  /**
   * PodTemplateSpec laid over the teacher's own: image, nodeSelector, tolerations, resources and so on. docs/pods.md lists what it may hold.
   */
  template: Record<string, unknown>;
}
/**
 * How the teacher's answers are stored on their way.
 */
export interface Logits {
  /**
   * Number format of a logit.
   */
  encoding: 'Float32' | 'Float16';
  /**
   * 0 stores every logit; otherwise the k largest of a row and the mass of the rest.
   */
  topK: number;
  /**
   * AcrossEpochs keeps the first epoch's logits for all later ones, which then need no teacher.
   */
  reuse: 'Never' | 'AcrossEpochs';
  /**
   * Where NATS keeps the frames. They are recomputable, so Memory is safe.
   */
  storage: 'File' | 'Memory';
  /**
   * NATS servers that hold each frame.
   */
  replicas: 1 | 3 | 5;
  /**
   * Upper bound of the stored frames; the student's window stays under half of it.
   */
  maxBytes: number | string;
  from?: LogitsFrom;
}
/**
 * Train from the stored logits of another job instead of asking teachers.
 */
export interface LogitsFrom {
  /**
   * Name of that DistillJob, in the same namespace.
   */
  job: string;
}
/**
 * The model that is trained, and how.
 */
export interface Student {
  model: StudentModel;
  /**
   * What feeds each input of a model, where that is not plain: equal names, the only field for the only input, and the inputs of text models are found without it.
   */
  inputs?: StudentInput[];
  tokenizer?: StudentTokenizer;
  runtime?: StudentRuntime;
  /**
   * Layers that keep their weights, by name; `*` stands for any characters. Normalizations among them keep their averages, too.
   */
  freeze?: string[];
  loss: StudentLoss;
  optimizer: StudentOptimizer;
  checkpoint: StudentCheckpoint;
  evaluation: StudentEvaluation;
  output: StudentOutput;
  /**
   * PodTemplateSpec laid over the student's own; docs/pods.md lists what it may hold. A change takes effect with the next student pod.
   */
  template: Record<string, unknown>;
}
/**
 * The student's architecture.
 */
export interface StudentModel {
  /**
   * How the model is stored.
   */
  format: 'tfjs-layers';
  /**
   * Where it is: the schemes of `teacher.model.uri`; or `preset://NAME?PARAMETER=VALUE`, a model that the student makes for the data (docs/models.md lists them).
   */
  uri: string;
  weights?: StudentModelWeights;
  secretRef?: StudentModelSecretRef;
  /**
   * Longest time, in seconds, for building the model with a first trial, and for one step. A model that builds for longer fails the job. Raise it for a large model on a slow machine.
   */
  timeoutSeconds: number;
}
/**
 * Weights that training starts from, such as the result of another job. Absent: they are drawn from `training.seed`.
 */
export interface StudentModelWeights {
  /**
   * The `model.json` of a tfjs layers model, with its files of weights beside it; the schemes of `teacher.model.uri`. Weights are matched by name and shape.
   */
  uri: string;
  /**
   * Layers that start from the seed all the same, by name; `*` stands for any characters. For example a last layer for other classes.
   */
  except?: string[];
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface StudentModelSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
export interface StudentInput {
  /**
   * Name of the model's input.
   */
  name: string;
  /**
   * Name of the field of the samples that feeds it.
   */
  field?: string;
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: StudentInputsResize;
  /**
   * What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`).
   */
  tokens?: 'Ids' | 'Mask' | 'TypeIds';
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface StudentInputsResize {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
/**
 * What turns texts into tokens; it belongs to the digest of the model.
 */
export interface StudentTokenizer {
  /**
   * Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.
   */
  uri: string;
  /**
   * Longer texts are cut, before their closing tokens.
   */
  maxTokens: number;
}
/**
 * What computes the student (docs/guide.md "Runtimes"). The last bits of the weights follow from it, so a job that must end alike on every machine names it. Absent = the first that the student's machine has, and one thread.
 */
export interface StudentRuntime {
  /**
   * native is TensorFlow on the CPU, where a machine or image has it; wasm needs nothing and is slower; cpu is plain JavaScript. A machine without it fails the job.
   */
  name?: 'native' | 'wasm' | 'cpu';
  /**
   * Threads of one operation (native). Another number gives other last bits. Absent = 1.
   */
  threads?: number;
  /**
   * The newest instructions that are used (native). Each set gives other last bits, and a processor without it refuses the job. Absent = the newest of the processor; a student that continues keeps the set that it was trained with where its processor has it.
   */
  instructionSet?: 'SSE41' | 'AVX' | 'AVX2' | 'AVX512_CORE';
}
/**
 * softWeight · soft loss against the teacher + (1 − softWeight) · hard loss against the labels. Without labels the soft loss is all.
 */
export interface StudentLoss {
  /**
   * Soft loss: KL is T² · KL(teacher ‖ student at temperature T); BinaryCrossEntropy the same of each column on its own, for models of several classes; MSE half the squared difference; Cosine 1 − the cosine of the angle between two embeddings. Absent = Cosine where `teacher.output.kind` is Embedding, BinaryCrossEntropy where it is Sigmoid, else KL.
   */
  kind?: 'KL' | 'MSE' | 'Cosine' | 'BinaryCrossEntropy';
  /**
   * What both sides' logits are divided by in the soft part (KL, BinaryCrossEntropy).
   */
  temperature: number;
  /**
   * Share of the soft part; 0 trains on the labels alone and needs no teacher.
   */
  softWeight: number;
  /**
   * Share of each class label that is spread over all classes, such as 0.1. Absent = 0.
   */
  labelSmoothing?: number;
}
/**
 * How a gradient becomes an update.
 */
export interface StudentOptimizer {
  /**
   * The algorithm.
   */
  name: 'sgd' | 'adam' | 'adamw';
  /**
   * Learning rate at its highest.
   */
  learningRate: number;
  /**
   * Share of the former update that is kept (sgd).
   */
  momentum: number;
  /**
   * Decay of the first moment (adam, adamw).
   */
  beta1: number;
  /**
   * Decay of the second moment (adam, adamw).
   */
  beta2: number;
  /**
   * Keeps the division by the second moment finite (adam, adamw).
   */
  epsilon: number;
  /**
   * Decoupled weight decay (adamw).
   */
  weightDecay: number;
  schedule: StudentOptimizerSchedule;
  /**
   * Largest norm of all gradients as one vector; larger ones are scaled down. Absent = not clipped.
   */
  clipNorm?: number;
  /**
   * Decay of an exponential moving average of the weights, such as 0.999: the averages are evaluated and exported. Absent = the weights themselves.
   */
  ema?: number;
}
/**
 * The learning rate over the steps.
 */
export interface StudentOptimizerSchedule {
  /**
   * What follows the warm-up: constant, falling along half a cosine, or one of Keras's schedules, with s = steps since the warm-up.
   */
  name: 'Constant' | 'Cosine' | 'ExponentialDecay' | 'InverseTimeDecay' | 'PolynomialDecay' | 'PiecewiseConstantDecay';
  /**
   * Steps over which the learning rate rises from 0.
   */
  warmupSteps: number;
  /**
   * Learning rate at the end ÷ `learningRate` (Cosine, PolynomialDecay).
   */
  finalFraction: number;
  /**
   * d in decayRate^(s / d) (ExponentialDecay), 1 / (1 + decayRate · s / d) (InverseTimeDecay) and in the time until the end is reached (PolynomialDecay; absent = the last step).
   */
  decaySteps?: number;
  /**
   * See `decaySteps`.
   */
  decayRate?: number;
  /**
   * True rounds s / d down, so that the rate falls once in each decaySteps steps.
   */
  staircase?: boolean;
  /**
   * Power of the share of steps that is left (PolynomialDecay); 1 is a line.
   */
  power?: number;
  /**
   * Steps since the warm-up after which the next of `fractions` begins, in ascending order (PiecewiseConstantDecay).
   */
  boundaries?: number[];
  /**
   * Learning rates ÷ `learningRate`, one more than `boundaries` (PiecewiseConstantDecay).
   */
  fractions?: number[];
}
/**
 * What a killed student resumes from.
 */
export interface StudentCheckpoint {
  /**
   * Steps between two checkpoints.
   */
  everySteps: number;
  /**
   * Newest checkpoints that are kept; 2 survive a damaged one.
   */
  keep: number;
  /**
   * `nats` (object store), `file` (the run's folder), `pvc://CLAIM/PATH` or `s3://BUCKET/PATH`.
   */
  store: string;
  secretRef?: StudentCheckpointSecretRef;
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface StudentCheckpointSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * Measuring the student on the evaluation split.
 */
export interface StudentEvaluation {
  /**
   * Epochs between two evaluations; the last epoch is always evaluated.
   */
  everyEpochs: number;
  /**
   * Maximum number of held-out samples that teachers answer, too, once for each student process, so that agreement with the teacher is measured on samples that the student never trains on (`heldOutAgreement`). Memory limits it further: 16 MiB of answers, and an eighth of `logits.maxBytes`. 0: none.
   */
  teacherSamples: number;
}
/**
 * Where the finished model goes.
 */
export interface StudentOutput {
  /**
   * `nats` (fetched with `distill fetch`), `file` (the run's folder), `pvc://CLAIM/PATH` or `s3://BUCKET/PATH`.
   */
  store: string;
  secretRef?: StudentOutputSecretRef;
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface StudentOutputSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * What the operator observed last; conditions are the truth, the rest is for people.
 */
export interface DistillJobStatus {
  /**
   * `metadata.generation` that this status is about; -1: no operator has seen the job yet.
   */
  observedGeneration?: number;
  /**
   * Summary of the conditions.
   */
  phase?: 'Pending' | 'Queued' | 'Running' | 'Suspended' | 'Succeeded' | 'Failed';
  /**
   * Accepted, TeachersAvailable, StudentRunning, Progressing, Suspended, Complete and Failed, each with its reason; Queued where Kueue is involved; ScaledByOthers only while it is True; Reconciling and Stalled are for kstatus, which Flux and helm use.
   */
  conditions?: StatusCondition[];
  summary?: StatusSummary;
  progress?: StatusProgress;
  buffer?: StatusBuffer;
  teachers?: StatusTeachers;
  usage?: StatusUsage;
  disruptions?: StatusDisruptions;
  /**
   * Student processes started so far.
   */
  attempts?: number;
  /**
   * Times that the job was resumed after a suspension.
   */
  resumptions?: number;
  /**
   * Student errors so far, charged to `backoffLimit`.
   */
  failures?: number;
  deadItems?: StatusDeadItems;
  /**
   * What a person should know of the job's processes: what they recognized, what they left out, likely mistakes. Each is an Event, too.
   */
  notes?: string[];
  result?: StatusResult;
}
export interface StatusCondition {
  /**
   * What the condition is about.
   */
  type: string;
  /**
   * Whether it holds.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * `metadata.generation` that the condition is about.
   */
  observedGeneration?: number;
  /**
   * When the status changed last.
   */
  lastTransitionTime: string;
  /**
   * Why, in one word for programs.
   */
  reason: string;
  /**
   * Why, in a sentence for people.
   */
  message: string;
}
/**
 * What `kubectl get` prints, made of the fields below.
 */
export interface StatusSummary {
  /**
   * Steps trained, of all.
   */
  steps?: string;
  /**
   * Teachers ready, of those wanted.
   */
  teachers?: string;
  /**
   * Time left at the present rate.
   */
  timeLeft?: string;
  /**
   * Why the job is refused, waits or failed, in one word; absent while nothing is wrong.
   */
  reason?: string;
  /**
   * The same in a sentence.
   */
  message?: string;
}
/**
 * Where the student is.
 */
export interface StatusProgress {
  /**
   * Steps trained.
   */
  step: number;
  /**
   * Steps of the whole job.
   */
  steps: number;
  /**
   * Share of the steps trained, rounded down.
   */
  percent: number;
  /**
   * Epoch being trained, from 0.
   */
  epoch: number;
  /**
   * Samples trained a second.
   */
  samplesPerSecond?: number;
  /**
   * Seconds left at the present rate.
   */
  secondsLeft?: number;
  /**
   * Loss of the last steps.
   */
  loss?: number;
  /**
   * Accuracy at the last evaluation.
   */
  accuracy?: number;
  /**
   * Rows of the data set that cannot be used and gave way to the next good one (`dataset.onBadSample: Replace`), as far as the student has met them.
   */
  replacedRows?: number;
  /**
   * Agreement with the teacher on the latest training samples, before they were trained (`agreement`, `topKOverlap`, `klDivergence`, `cosineSimilarity`, `meanSquaredError`), and scores of the last evaluation (`accuracy`, `top5Accuracy`, `microF1`, `meanAbsoluteError`; `heldOutAgreement`, `heldOutTopKOverlap`, `heldOutKlDivergence`, `heldOutCosineSimilarity`, `heldOutMeanSquaredError`: agreement with the teacher on held-out samples).
   */
  metrics?: StatusProgressMetric[];
}
export interface StatusProgressMetric {
  /**
   * What was measured.
   */
  name: string;
  /**
   * The measured number; shares are from 0 to 1.
   */
  value: number;
}
/**
 * Logits stored and not yet trained.
 */
export interface StatusBuffer {
  /**
   * Frames stored.
   */
  frames: number;
  /**
   * Their size.
   */
  bytes: number;
  /**
   * Share of the last seconds that the student waited for logits.
   */
  waitFraction: number;
}
/**
 * The fleet.
 */
export interface StatusTeachers {
  /**
   * Teachers that the job should have now.
   */
  desired: number;
  /**
   * Teachers that label samples.
   */
  ready: number;
  /**
   * Samples that all of them label a second.
   */
  samplesPerSecond: number;
  /**
   * The same for each pool.
   */
  pools: StatusTeachersPool[];
}
export interface StatusTeachersPool {
  /**
   * Name of the pool.
   */
  name: string;
  /**
   * Teachers that it should have now.
   */
  desired: number;
  /**
   * Teachers that label samples.
   */
  ready: number;
  /**
   * Why it is this number.
   */
  reason: string;
  /**
   * Teachers that it would have if there were slots for all.
   */
  wanted?: number;
  /**
   * What there was to give, in a sentence.
   */
  why?: string;
  /**
   * No teacher is added before this time, because the scheduler found no node for the last one.
   */
  pausedUntil?: string;
}
/**
 * What the job has used so far.
 */
export interface StatusUsage {
  /**
   * Slots × seconds of all teachers.
   */
  teacherSlotSeconds: number;
  /**
   * Slots × seconds of the student.
   */
  studentSlotSeconds: number;
  /**
   * Until when; what is used later is added to it.
   */
  accountedUntil?: string;
}
/**
 * Processes that ended through no fault of their own.
 */
export interface StatusDisruptions {
  /**
   * Teachers lost.
   */
  teacher: number;
  /**
   * Students lost; never charged to `backoffLimit`.
   */
  student: number;
}
/**
 * Work items that no teacher could do.
 */
export interface StatusDeadItems {
  /**
   * How many.
   */
  count: number;
  /**
   * Step of the newest.
   */
  lastStep?: number;
  /**
   * Teacher that had it last.
   */
  lastTeacher?: string;
  /**
   * What that teacher said.
   */
  lastError?: string;
}
/**
 * The finished student.
 */
export interface StatusResult {
  /**
   * Digest of the final weights.
   */
  digest: string;
  /**
   * SHA-256 of SHA256SUMS, which lists all files of the result with their SHA-256.
   */
  filesDigest?: string;
  /**
   * Accuracy on the evaluation split.
   */
  accuracy?: number;
  /**
   * Cross-entropy on the evaluation split.
   */
  loss?: number;
  /**
   * Agreement with the teacher on the latest training samples, before they were trained (`agreement`, `topKOverlap`, `klDivergence`, `cosineSimilarity`, `meanSquaredError`), and scores of the last evaluation (`accuracy`, `top5Accuracy`, `microF1`, `meanAbsoluteError`; `heldOutAgreement`, `heldOutTopKOverlap`, `heldOutKlDivergence`, `heldOutCosineSimilarity`, `heldOutMeanSquaredError`: agreement with the teacher on held-out samples).
   */
  metrics?: StatusResultMetric[];
  /**
   * The teacher's accuracy on the same split, where it was measured.
   */
  teacherAccuracy?: number;
}
export interface StatusResultMetric {
  /**
   * What was measured.
   */
  name: string;
  /**
   * The measured number; shares are from 0 to 1.
   */
  value: number;
}

// A job as a person writes it: what has a default may be left out.

/**
 * One student trained from one teacher model on one data set.
 */
export interface DistillJobDraft {
  /**
   * Version of the API that this object is written in.
   */
  apiVersion: 'distillery.dev/v1alpha1';
  /**
   * Kind of the object.
   */
  kind: 'DistillJob';
  metadata: ObjectMeta;
  spec: DistillJobSpecDraft;
}
/**
 * What is to be trained, from what, and with which means.
 */
export interface DistillJobSpecDraft {
  /**
   * LocalQueue of Kueue in the job's namespace. The student starts when Kueue admits it; until then the phase is Queued and the job has no teachers. Absent: no queue.
   */
  queueName?: string;
  /**
   * WorkloadPriorityClass of Kueue for the student. Absent: the priority of the student's pod decides.
   */
  priorityClass?: string;
  /**
   * Controller that runs the job. The operator leaves a job alone unless the field is absent or `distillery.dev/operator`.
   */
  managedBy?: string;
  /**
   * True stops teachers and student after a checkpoint and gives every slot back; false continues from there.
   */
  suspend?: boolean;
  /**
   * Share of the slots of this job's namespace against its other jobs. The operator's settings may limit it.
   */
  weight?: number;
  dataset: DatasetDraft;
  training?: TrainingDraft;
  teacher: TeacherDraft;
  logits?: LogitsDraft;
  student: StudentDraft;
  /**
   * Seconds after its end at which the job and all it owns are deleted.
   */
  ttlSecondsAfterFinished?: number;
  /**
   * Student errors after which the job fails; disruptions are never charged.
   */
  backoffLimit?: number;
}
/**
 * The samples, with or without labels.
 */
export interface DatasetDraft {
  /**
   * How the samples are stored; docs/data.md describes each format.
   */
  format?: 'idx' | 'npy' | 'csv' | 'jsonl' | 'parquet' | 'imageFolder' | 'webdataset' | 'files';
  /**
   * Where they are: `package://NAME[/PATH]`, `file://PATH` (relative to the job file in a local run; an absolute path inside the worker image in a cluster), `pvc://CLAIM/PATH`, `https://HOST/PATH` or `s3://BUCKET/PATH`; `#sha256=DIGEST` after a remote file pins its content; docs/reference/api.md says under Uris what `#`, `?`, `%` and spaces mean.
   */
  uri: string;
  secretRef?: DatasetSecretRefDraft;
  /**
   * What a sample consists of: its inputs and at most one target. Absent: what docs/data.md says of the format.
   */
  fields?: DatasetFieldDraft[];
  split?: DatasetSplitDraft;
  /**
   * What follows when a row cannot be read: Fail ends the job and names file and row, Replace takes the next good row of the split in its place.
   */
  onBadSample?: 'Fail' | 'Replace';
  /**
   * Reference: teachers read the data set themselves. Inline: samples travel in the work item, for teachers that cannot reach it.
   */
  delivery?: 'Reference' | 'Inline';
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface DatasetSecretRefDraft {
  /**
   * Name of the Secret.
   */
  name: string;
}
export interface DatasetFieldDraft {
  /**
   * Name of the input of the samples, or of the target; unique in the job.
   */
  name: string;
  /**
   * What the column holds. `image`, `tensor`, `text` and `bytes` are inputs; `class` (one class), `classes` (any number of them) and `target` (numbers) are what is right for the sample.
   */
  type: 'image' | 'tensor' | 'text' | 'bytes' | 'class' | 'classes' | 'target';
  /**
   * Columns of the data set; absent = the column of the field's name. A tensor or target may join several numeric columns, and `["*"]` is every numeric column that no other field names.
   */
  columns?: string[];
  /**
   * Height in pixels after resizing, without regard to proportions. Absent: every picture must have the size of the first one.
   */
  height?: number;
  /**
   * Width in pixels after resizing.
   */
  width?: number;
  /**
   * 1 makes pictures gray, 3 RGB. Absent = as the first picture has.
   */
  channels?: 1 | 3;
  /**
   * Shape of one sample; absent = as the column has it.
   */
  shape?: number[];
  /**
   * Type of the numbers that the model gets; absent = Float32.
   */
  dtype?: 'Float32' | 'Int32';
  /**
   * Bytes taken from the start of the content; absent = 1024.
   */
  head?: number;
  /**
   * Bytes taken from its end; absent = 1024.
   */
  tail?: number;
  /**
   * Value of the places that the content does not fill; absent = 256, which is no byte.
   */
  padding?: number;
  /**
   * Whether whitespace at the start of the head and at the end of the tail is left out; absent = true.
   */
  strip?: boolean;
  /**
   * Names of the classes in the order of the model's outputs. Absent: numbers count from `firstClass`, names are sorted by their UTF-8 bytes.
   */
  classes?: string[];
  /**
   * The number in the data that stands for the first class; absent = 0.
   */
  firstClass?: 0 | 1;
  /**
   * What separates several classes in one text; absent = a comma.
   */
  separator?: string;
}
/**
 * What is trained on and what is held out. Absent: as the data set is divided already, see docs/data.md; else nothing is held out.
 */
export interface DatasetSplitDraft {
  /**
   * File or folder of the training samples, below the uri.
   */
  train?: string;
  /**
   * File or folder of the samples that are held out for evaluation, below the uri.
   */
  test?: string;
  /**
   * Share of the rows that is held out. A hash of each row decides, so that a row stays where it is when others are added.
   */
  testFraction?: number;
}
/**
 * What decides the order and number of steps.
 */
export interface TrainingDraft {
  /**
   * Samples a step.
   */
  batchSize?: number;
  /**
   * Passes over the data set.
   */
  epochs?: number;
  /**
   * Decides initial weights, the order of the samples and the augmentation.
   */
  seed?: number;
  /**
   * Strict trains steps in order: final weights do not depend on what died on the way. Relaxed trains whichever step is ready.
   */
  order?: 'Strict' | 'Relaxed';
  /**
   * Rows draws every sample from the whole data set. Blocks draws whole blocks of rows and mixes the rows of some blocks at a time, for data whose rows are slow to read one by one.
   */
  shuffle?: 'Rows' | 'Blocks';
  earlyStop?: TrainingEarlyStopDraft;
  augment?: TrainingAugmentDraft;
}
/**
 * Ends training before the last epoch when the evaluations no longer improve, as Keras's EarlyStopping does. Absent: all epochs are trained.
 */
export interface TrainingEarlyStopDraft {
  /**
   * Score of the evaluation split that has to improve: fall, if it is a loss, an error or a divergence, otherwise rise. Those that begin with heldOut need a teacher and no labels (student.evaluation.teacherSamples).
   */
  metric:
    | 'loss'
    | 'accuracy'
    | 'top5Accuracy'
    | 'microF1'
    | 'meanAbsoluteError'
    | 'heldOutAgreement'
    | 'heldOutTopKOverlap'
    | 'heldOutKlDivergence';
  /**
   * Evaluations without improvement after which training ends.
   */
  patience?: number;
  /**
   * A change of at most this counts as no improvement.
   */
  minDelta?: number;
  /**
   * Only a score better than this counts as an improvement. Absent = none.
   */
  baseline?: number;
  /**
   * Whether the weights of the best evaluation are exported instead of the last ones, also when all epochs are trained.
   */
  restoreBestWeights?: boolean;
}
/**
 * Random changes to each sample, the same for teacher and student.
 */
export interface TrainingAugmentDraft {
  /**
   * Largest shift in pixels along each axis.
   */
  shift?: number;
  /**
   * Standard deviation of additive noise, in units of the [0, 1] pixel range.
   */
  noise?: number;
  /**
   * Whether each sample is mirrored from left to right with probability one half.
   */
  flip?: boolean;
}
/**
 * The model that is distilled, and the fleet that runs it.
 */
export interface TeacherDraft {
  /**
   * LocalQueue of Kueue for teachers: Kueue starts each one when its ClusterQueue has quota, and takes it back when the lender needs the quota. Absent: teachers take free slots outside any quota.
   */
  queueName?: string;
  model: TeacherModelDraft;
  input?: TeacherInputDraft;
  /**
   * What feeds each input of a model, where that is not plain: equal names, the only field for the only input, and the inputs of text models are found without it.
   */
  inputs?: TeacherInputDraft1[];
  tokenizer?: TeacherTokenizerDraft;
  output?: TeacherOutputDraft;
  ensemble?: TeacherEnsembleDraft;
  /**
   * How far, in seconds of training, the teachers should be ahead of the student.
   */
  bufferTargetSeconds?: number;
  /**
   * Largest difference of a logit from the job's reference answers with which a teacher may still join.
   */
  tolerance?: number;
  /**
   * What follows when no teacher can label a step: Fail ends the job, Skip trains that step on the labels alone.
   */
  onFailure?: 'Fail' | 'Skip';
  /**
   * Kinds of accelerator that teachers may use, cheapest first.
   */
  pools?: TeacherPoolDraft[];
}
/**
 * The teacher model.
 */
export interface TeacherModelDraft {
  /**
   * How the model is stored: an ONNX file, the model.json of a TensorFlow.js layers or graph model with its weights beside it, or the folder of a TensorFlow SavedModel, which the runtime `native` computes.
   */
  format?: 'onnx' | 'tfjs-layers' | 'tfjs-graph' | 'saved-model';
  /**
   * Which signature of a SavedModel answers. Absent: serving_default, or the only one.
   */
  signature?: string;
  /**
   * Where it is; the schemes of `dataset.uri`, and `configmap://NAME/KEY` for a file that fits a ConfigMap.
   */
  uri: string;
  secretRef?: TeacherModelSecretRefDraft;
  /**
   * Longest time, in seconds, for loading the model with a first trial, and for computing one batch. A model that loads for longer fails the job. Raise it for a large model on a slow disk.
   */
  timeoutSeconds?: number;
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface TeacherModelSecretRefDraft {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * How a sample becomes the model's only input: (x · scale − mean) / std, in the layout that the model takes. A model with several inputs has `inputs`.
 */
export interface TeacherInputDraft {
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherInputResizeDraft;
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherInputResizeDraft {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
export interface TeacherInputDraft1 {
  /**
   * Name of the model's input.
   */
  name: string;
  /**
   * Name of the field of the samples that feeds it.
   */
  field?: string;
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherInputsResizeDraft;
  /**
   * What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`).
   */
  tokens?: 'Ids' | 'Mask' | 'TypeIds';
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherInputsResizeDraft {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
/**
 * What turns texts into tokens; it belongs to the digest of the model.
 */
export interface TeacherTokenizerDraft {
  /**
   * Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.
   */
  uri: string;
  /**
   * Longer texts are cut, before their closing tokens.
   */
  maxTokens?: number;
}
/**
 * Which of the model's answers are distilled, and what they are.
 */
export interface TeacherOutputDraft {
  /**
   * Name of the model's output. Absent, it has only one of floating-point numbers.
   */
  name?: string;
  /**
   * What its numbers are. Probabilities: rows sum to 1, and their logarithm is distilled. Sigmoid: one probability a class, and their logits are distilled. Embedding: they are distilled as they are. Absent: recognized by the end of the model and its first answers.
   */
  kind?: 'Logits' | 'Probabilities' | 'Sigmoid' | 'Embedding';
  /**
   * How one row a token becomes one row a sample: the mean over the tokens of the text, or the first.
   */
  pooling?: 'Mean' | 'First';
  /**
   * Whether each row is divided by its Euclidean length.
   */
  normalize?: boolean;
  /**
   * Columns of the answers that are kept, in this order. Absent, all are.
   */
  columns?: number[];
}
/**
 * Further models that answer together with `teacher.model` in every teacher process. Their answers are averaged by weight as the student's loss compares them: shares of the classes at `student.loss.temperature` for KL, the probability of each class for BinaryCrossEntropy, plain numbers for MSE and Cosine.
 */
export interface TeacherEnsembleDraft {
  /**
   * Weight of the model's answers; the sum of all weights counts as 1.
   */
  weight?: number;
  /**
   * The models beside `teacher.model`. All of them give the same number of columns.
   */
  members: TeacherEnsembleMemberDraft[];
}
export interface TeacherEnsembleMemberDraft {
  /**
   * Name of the member, unique in the ensemble; messages use it.
   */
  name: string;
  /**
   * Weight of the model's answers; the sum of all weights counts as 1.
   */
  weight?: number;
  model: TeacherEnsembleMembersModelDraft;
  input?: TeacherEnsembleMembersInputDraft;
  /**
   * As `teacher.inputs`, for this model.
   */
  inputs?: TeacherEnsembleMembersInputDraft1[];
  tokenizer?: TeacherEnsembleMembersTokenizerDraft;
  output?: TeacherEnsembleMembersOutputDraft;
}
/**
 * The model; `teacher.model.secretRef` serves all members.
 */
export interface TeacherEnsembleMembersModelDraft {
  /**
   * How the model is stored: an ONNX file, the model.json of a TensorFlow.js layers or graph model with its weights beside it, or the folder of a TensorFlow SavedModel, which the runtime `native` computes.
   */
  format?: 'onnx' | 'tfjs-layers' | 'tfjs-graph' | 'saved-model';
  /**
   * Which signature of a SavedModel answers. Absent: serving_default, or the only one.
   */
  signature?: string;
  /**
   * Where it is; the schemes of `dataset.uri`, and `configmap://NAME/KEY` for a file that fits a ConfigMap.
   */
  uri: string;
  /**
   * Longest time, in seconds, for loading the model with a first trial, and for computing one batch. A model that loads for longer fails the job. Raise it for a large model on a slow disk.
   */
  timeoutSeconds?: number;
}
/**
 * As `teacher.input`, for this model.
 */
export interface TeacherEnsembleMembersInputDraft {
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherEnsembleMembersInputResizeDraft;
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherEnsembleMembersInputResizeDraft {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
export interface TeacherEnsembleMembersInputDraft1 {
  /**
   * Name of the model's input.
   */
  name: string;
  /**
   * Name of the field of the samples that feeds it.
   */
  field?: string;
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: TeacherEnsembleMembersInputsResizeDraft;
  /**
   * What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`).
   */
  tokens?: 'Ids' | 'Mask' | 'TypeIds';
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface TeacherEnsembleMembersInputsResizeDraft {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
/**
 * As `teacher.tokenizer`, for this model; every member names its own.
 */
export interface TeacherEnsembleMembersTokenizerDraft {
  /**
   * Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.
   */
  uri: string;
  /**
   * Longer texts are cut, before their closing tokens.
   */
  maxTokens?: number;
}
/**
 * As `teacher.output`, for this model.
 */
export interface TeacherEnsembleMembersOutputDraft {
  /**
   * Name of the model's output. Absent, it has only one of floating-point numbers.
   */
  name?: string;
  /**
   * What its numbers are. Probabilities: rows sum to 1, and their logarithm is distilled. Sigmoid: one probability a class, and their logits are distilled. Embedding: they are distilled as they are. Absent: recognized by the end of the model and its first answers.
   */
  kind?: 'Logits' | 'Probabilities' | 'Sigmoid' | 'Embedding';
  /**
   * How one row a token becomes one row a sample: the mean over the tokens of the text, or the first.
   */
  pooling?: 'Mean' | 'First';
  /**
   * Whether each row is divided by its Euclidean length.
   */
  normalize?: boolean;
  /**
   * Columns of the answers that are kept, in this order. Absent, all are.
   */
  columns?: number[];
}
export interface TeacherPoolDraft {
  /**
   * Name of the pool, unique in the job.
   */
  name: string;
  /**
   * Extended resource whose units are the slots, such as `nvidia.com/gpu`. Absent: teachers run on the CPU and their cpu and memory requests are the slot.
   */
  resource?: string;
  /**
   * Slots that one teacher needs.
   */
  slotsPerReplica?: number;
  /**
   * Teachers kept while there is anything to label, as far as the namespace's share of the slots allows. The operator's settings may limit them.
   */
  minReplicas?: number;
  /**
   * Most teachers of this pool; 0 switches it off.
   */
  maxReplicas?: number;
  /**
   * PodTemplateSpec laid over the teacher's own: image, nodeSelector, tolerations, resources and so on. docs/pods.md lists what it may hold.
   */
  template?: Record<string, unknown>;
}
/**
 * How the teacher's answers are stored on their way.
 */
export interface LogitsDraft {
  /**
   * Number format of a logit.
   */
  encoding?: 'Float32' | 'Float16';
  /**
   * 0 stores every logit; otherwise the k largest of a row and the mass of the rest.
   */
  topK?: number;
  /**
   * AcrossEpochs keeps the first epoch's logits for all later ones, which then need no teacher.
   */
  reuse?: 'Never' | 'AcrossEpochs';
  /**
   * Where NATS keeps the frames. They are recomputable, so Memory is safe.
   */
  storage?: 'File' | 'Memory';
  /**
   * NATS servers that hold each frame.
   */
  replicas?: 1 | 3 | 5;
  /**
   * Upper bound of the stored frames; the student's window stays under half of it.
   */
  maxBytes?: number | string;
  from?: LogitsFromDraft;
}
/**
 * Train from the stored logits of another job instead of asking teachers.
 */
export interface LogitsFromDraft {
  /**
   * Name of that DistillJob, in the same namespace.
   */
  job: string;
}
/**
 * The model that is trained, and how.
 */
export interface StudentDraft {
  model: StudentModelDraft;
  /**
   * What feeds each input of a model, where that is not plain: equal names, the only field for the only input, and the inputs of text models are found without it.
   */
  inputs?: StudentInputDraft[];
  tokenizer?: StudentTokenizerDraft;
  runtime?: StudentRuntimeDraft;
  /**
   * Layers that keep their weights, by name; `*` stands for any characters. Normalizations among them keep their averages, too.
   */
  freeze?: string[];
  loss?: StudentLossDraft;
  optimizer?: StudentOptimizerDraft;
  checkpoint?: StudentCheckpointDraft;
  evaluation?: StudentEvaluationDraft;
  output?: StudentOutputDraft;
  /**
   * PodTemplateSpec laid over the student's own; docs/pods.md lists what it may hold. A change takes effect with the next student pod.
   */
  template?: Record<string, unknown>;
}
/**
 * The student's architecture.
 */
export interface StudentModelDraft {
  /**
   * How the model is stored.
   */
  format?: 'tfjs-layers';
  /**
   * Where it is: the schemes of `teacher.model.uri`; or `preset://NAME?PARAMETER=VALUE`, a model that the student makes for the data (docs/models.md lists them).
   */
  uri: string;
  weights?: StudentModelWeightsDraft;
  secretRef?: StudentModelSecretRefDraft;
  /**
   * Longest time, in seconds, for building the model with a first trial, and for one step. A model that builds for longer fails the job. Raise it for a large model on a slow machine.
   */
  timeoutSeconds?: number;
}
/**
 * Weights that training starts from, such as the result of another job. Absent: they are drawn from `training.seed`.
 */
export interface StudentModelWeightsDraft {
  /**
   * The `model.json` of a tfjs layers model, with its files of weights beside it; the schemes of `teacher.model.uri`. Weights are matched by name and shape.
   */
  uri: string;
  /**
   * Layers that start from the seed all the same, by name; `*` stands for any characters. For example a last layer for other classes.
   */
  except?: string[];
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface StudentModelSecretRefDraft {
  /**
   * Name of the Secret.
   */
  name: string;
}
export interface StudentInputDraft {
  /**
   * Name of the model's input.
   */
  name: string;
  /**
   * Name of the field of the samples that feeds it.
   */
  field?: string;
  /**
   * Order of batch, height, width and channels; inferred from the model's shape when absent.
   */
  layout?: 'NHWC' | 'NCHW';
  /**
   * What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers.
   */
  scale?: number;
  /**
   * Per channel, taken from the scaled pixels before the division by `std`.
   */
  mean?: number[];
  /**
   * Per channel, what the scaled pixels are divided by after `mean` is taken off.
   */
  std?: number[];
  resize?: StudentInputsResizeDraft;
  /**
   * What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`).
   */
  tokens?: 'Ids' | 'Mask' | 'TypeIds';
}
/**
 * Size to which images are brought for this model, bilinearly. Absent, they stay as they are.
 */
export interface StudentInputsResizeDraft {
  /**
   * Pixels.
   */
  height: number;
  /**
   * Pixels.
   */
  width: number;
}
/**
 * What turns texts into tokens; it belongs to the digest of the model.
 */
export interface StudentTokenizerDraft {
  /**
   * Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.
   */
  uri: string;
  /**
   * Longer texts are cut, before their closing tokens.
   */
  maxTokens?: number;
}
/**
 * What computes the student (docs/guide.md "Runtimes"). The last bits of the weights follow from it, so a job that must end alike on every machine names it. Absent = the first that the student's machine has, and one thread.
 */
export interface StudentRuntimeDraft {
  /**
   * native is TensorFlow on the CPU, where a machine or image has it; wasm needs nothing and is slower; cpu is plain JavaScript. A machine without it fails the job.
   */
  name?: 'native' | 'wasm' | 'cpu';
  /**
   * Threads of one operation (native). Another number gives other last bits. Absent = 1.
   */
  threads?: number;
  /**
   * The newest instructions that are used (native). Each set gives other last bits, and a processor without it refuses the job. Absent = the newest of the processor; a student that continues keeps the set that it was trained with where its processor has it.
   */
  instructionSet?: 'SSE41' | 'AVX' | 'AVX2' | 'AVX512_CORE';
}
/**
 * softWeight · soft loss against the teacher + (1 − softWeight) · hard loss against the labels. Without labels the soft loss is all.
 */
export interface StudentLossDraft {
  /**
   * Soft loss: KL is T² · KL(teacher ‖ student at temperature T); BinaryCrossEntropy the same of each column on its own, for models of several classes; MSE half the squared difference; Cosine 1 − the cosine of the angle between two embeddings. Absent = Cosine where `teacher.output.kind` is Embedding, BinaryCrossEntropy where it is Sigmoid, else KL.
   */
  kind?: 'KL' | 'MSE' | 'Cosine' | 'BinaryCrossEntropy';
  /**
   * What both sides' logits are divided by in the soft part (KL, BinaryCrossEntropy).
   */
  temperature?: number;
  /**
   * Share of the soft part; 0 trains on the labels alone and needs no teacher.
   */
  softWeight?: number;
  /**
   * Share of each class label that is spread over all classes, such as 0.1. Absent = 0.
   */
  labelSmoothing?: number;
}
/**
 * How a gradient becomes an update.
 */
export interface StudentOptimizerDraft {
  /**
   * The algorithm.
   */
  name?: 'sgd' | 'adam' | 'adamw';
  /**
   * Learning rate at its highest.
   */
  learningRate?: number;
  /**
   * Share of the former update that is kept (sgd).
   */
  momentum?: number;
  /**
   * Decay of the first moment (adam, adamw).
   */
  beta1?: number;
  /**
   * Decay of the second moment (adam, adamw).
   */
  beta2?: number;
  /**
   * Keeps the division by the second moment finite (adam, adamw).
   */
  epsilon?: number;
  /**
   * Decoupled weight decay (adamw).
   */
  weightDecay?: number;
  schedule?: StudentOptimizerScheduleDraft;
  /**
   * Largest norm of all gradients as one vector; larger ones are scaled down. Absent = not clipped.
   */
  clipNorm?: number;
  /**
   * Decay of an exponential moving average of the weights, such as 0.999: the averages are evaluated and exported. Absent = the weights themselves.
   */
  ema?: number;
}
/**
 * The learning rate over the steps.
 */
export interface StudentOptimizerScheduleDraft {
  /**
   * What follows the warm-up: constant, falling along half a cosine, or one of Keras's schedules, with s = steps since the warm-up.
   */
  name?: 'Constant' | 'Cosine' | 'ExponentialDecay' | 'InverseTimeDecay' | 'PolynomialDecay' | 'PiecewiseConstantDecay';
  /**
   * Steps over which the learning rate rises from 0.
   */
  warmupSteps?: number;
  /**
   * Learning rate at the end ÷ `learningRate` (Cosine, PolynomialDecay).
   */
  finalFraction?: number;
  /**
   * d in decayRate^(s / d) (ExponentialDecay), 1 / (1 + decayRate · s / d) (InverseTimeDecay) and in the time until the end is reached (PolynomialDecay; absent = the last step).
   */
  decaySteps?: number;
  /**
   * See `decaySteps`.
   */
  decayRate?: number;
  /**
   * True rounds s / d down, so that the rate falls once in each decaySteps steps.
   */
  staircase?: boolean;
  /**
   * Power of the share of steps that is left (PolynomialDecay); 1 is a line.
   */
  power?: number;
  /**
   * Steps since the warm-up after which the next of `fractions` begins, in ascending order (PiecewiseConstantDecay).
   */
  boundaries?: number[];
  /**
   * Learning rates ÷ `learningRate`, one more than `boundaries` (PiecewiseConstantDecay).
   */
  fractions?: number[];
}
/**
 * What a killed student resumes from.
 */
export interface StudentCheckpointDraft {
  /**
   * Steps between two checkpoints.
   */
  everySteps?: number;
  /**
   * Newest checkpoints that are kept; 2 survive a damaged one.
   */
  keep?: number;
  /**
   * `nats` (object store), `file` (the run's folder), `pvc://CLAIM/PATH` or `s3://BUCKET/PATH`.
   */
  store?: string;
  secretRef?: StudentCheckpointSecretRefDraft;
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface StudentCheckpointSecretRefDraft {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * Measuring the student on the evaluation split.
 */
export interface StudentEvaluationDraft {
  /**
   * Epochs between two evaluations; the last epoch is always evaluated.
   */
  everyEpochs?: number;
  /**
   * Maximum number of held-out samples that teachers answer, too, once for each student process, so that agreement with the teacher is measured on samples that the student never trains on (`heldOutAgreement`). Memory limits it further: 16 MiB of answers, and an eighth of `logits.maxBytes`. 0: none.
   */
  teacherSamples?: number;
}
/**
 * Where the finished model goes.
 */
export interface StudentOutputDraft {
  /**
   * `nats` (fetched with `distill fetch`), `file` (the run's folder), `pvc://CLAIM/PATH` or `s3://BUCKET/PATH`.
   */
  store?: string;
  secretRef?: StudentOutputSecretRefDraft;
}
/**
 * Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.
 */
export interface StudentOutputSecretRefDraft {
  /**
   * Name of the Secret.
   */
  name: string;
}
