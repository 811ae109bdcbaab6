import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, ManifestFile, PageQuery, ProjectParams, Sha256 } from './primitives.ts'

/** A registered model's name: as MLflow allows, so not only `Name`. No `/`, no `:`, no `%`. */
export const ModelName = z
  .string()
  .min(1)
  .max(250)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  .regex(/^[^/:%\u0000-\u001f]+$/, 'a model name has no "/", ":", "%" or control character')
  .regex(/\S/, 'a model name is not only spaces')

/** An alias: letters, digits, `_` and `-`; not `latest` and not `v3`. */
export const Alias = z
  .string()
  .regex(/^[\w-]{1,255}$/, 'an alias has letters, digits, _ and -')
  .refine((alias) => alias !== 'latest' && !/^[vV]\d+$/.test(alias), 'an alias is not "latest" and not like "v3"')

/**
 * pending: made, checks run; ready: usable, not released by a gate; refused: a check failed; awaiting_approval: checks passed;
 * released: the gate moved the alias to it; rolled_back: was released and taken back; archived.
 */
export const ModelVersionState = z.enum([
  'pending',
  'ready',
  'refused',
  'awaiting_approval',
  'released',
  'rolled_back',
  'archived',
])
export type ModelVersionState = z.infer<typeof ModelVersionState>

/** One column or tensor of a signature (MLflow's MLmodel), in the model's order. */
export const SignatureField = z.object({
  name: z.string(),
  /** MLflow's column type (`double`, `long`, `string`, …) or the tensor's dtype. */
  type: z.string(),
  required: z.boolean(),
  /** Tensors only; -1 is any length. */
  shape: z.array(z.number().int()).nullable(),
})

export const Signature = z.object({
  inputs: z.array(SignatureField),
  outputs: z.array(SignatureField),
  params: z.array(z.object({ name: z.string(), type: z.string(), default: Json })),
})
export type Signature = z.infer<typeof Signature>

/** Verdict of one check or of a whole gate. `not_applicable`: there was no champion to compare with; it passes. */
export const Verdict = z.enum(['passed', 'failed', 'not_applicable'])

export const CheckResult = z.object({
  /** As in the project file, for example `log_loss betterThan production`. */
  rule: z.string(),
  metric: z.string(),
  severity: z.enum(['error', 'warn']),
  verdict: Verdict,
  /** Candidate's value. */
  value: z.number().nullable(),
  /** Value of what it was compared with: the champion or the baseline. */
  reference: z.number().nullable(),
  /** What it was compared with: `min`, `max`, `baseline`, or the champion as `delay v1`. */
  referenceName: z.string().nullable(),
  /** How much better the candidate is, > 0 is better; with a bootstrap the lower end of the interval. */
  d: z.number().nullable(),
  interval: z.object({ low: z.number(), high: z.number(), level: z.number() }).nullable(),
  rows: z.number().int(),
  groups: z.number().int().nullable(),
  reason: z.string(),
})
export type CheckResult = z.infer<typeof CheckResult>

/** What a gate saw and decided. Immutable; `digest` is SHA-256 of the canonical JSON of everything else. */
export const Evidence = z.object({
  id: z.string(),
  digest: Sha256,
  verdict: z.enum(['passed', 'failed']),
  reason: z.string(),
  candidate: z.object({ version: z.number().int(), manifest: Sha256 }),
  champion: z.object({ version: z.number().int(), manifest: Sha256 }).nullable(),
  evaluation: z.object({ datasetUri: z.string().nullable(), digest: Sha256, rows: z.number().int() }),
  policyDigest: Sha256,
  parity: z
    .object({
      rows: z.number().int(),
      nullRows: z.number().int(),
      maxDifference: z.number().nullable(),
      tolerance: z.number(),
      verdict: Verdict,
      reason: z.string(),
    })
    .nullable(),
  checks: z.array(CheckResult),
  /** Every metric that was computed: candidate, champion and constant baseline on the same rows. */
  metrics: z.array(
    z.object({
      metric: z.string(),
      candidate: z.number().nullable(),
      champion: z.number().nullable(),
      baseline: z.number().nullable(),
    }),
  ),
  createdAt: Instant,
  createdBy: z.string(),
})
export type Evidence = z.infer<typeof Evidence>

export const Approval = z.object({
  id: z.string(),
  approver: z.string(),
  decision: z.enum(['approved', 'refused']),
  comment: z.string(),
  digest: Sha256,
  soleUser: z.boolean(),
  at: Instant,
})

export const AliasMove = z.object({
  id: z.string(),
  alias: z.string(),
  from: z.number().int().nullable(),
  to: z.number().int().nullable(),
  reason: z.string(),
  /** The gate was not passed and a person said why it moves all the same. */
  override: z.boolean(),
  actor: z.string(),
  at: Instant,
})
export type AliasMove = z.infer<typeof AliasMove>

export const ModelVersionSummary = z.object({
  id: z.string(),
  name: ModelName,
  number: z.number().int(),
  state: ModelVersionState,
  stateReason: z.string(),
  aliases: z.array(z.string()),
  description: z.string(),
  flavours: z.array(z.string()),
  runId: z.string().nullable(),
  sizeBytes: z.number().int(),
  /** Candidate's metrics of the newest evidence. */
  metrics: z.record(z.string(), z.number().nullable()),
  createdAt: Instant,
  createdBy: z.string(),
})
export type ModelVersionSummary = z.infer<typeof ModelVersionSummary>

export const ModelVersion = ModelVersionSummary.extend({
  manifest: Sha256,
  signature: Signature.nullable(),
  /** Runs code when it is loaded (pickle, Python function): the platform itself never loads such a flavour. */
  runsCodeWhenLoaded: z.boolean(),
  files: z.array(ManifestFile),
  tags: z.record(z.string(), z.string()),
  source: z.string(),
  experimentId: z.string().nullable(),
  pipelineRunId: z.string().nullable(),
  stepRunId: z.string().nullable(),
  trainingDatasetVersionId: z.string().nullable(),
  environmentId: z.string().nullable(),
  environmentLock: Sha256.nullable(),
  codeManifest: Sha256.nullable(),
  /** Newest first. */
  evidence: z.array(Evidence),
  approvals: z.array(Approval),
  /** Who must approve; empty: nobody. */
  approvers: z.array(z.string()),
  /** Drop in the first gate metric when one input is shuffled, largest first. Null until evaluated. */
  importances: z.array(z.object({ feature: z.string(), drop: z.number(), sd: z.number() })).nullable(),
  importanceMetric: z.string().nullable(),
  /** The card: Markdown written by people. */
  card: z.string(),
})
export type ModelVersion = z.infer<typeof ModelVersion>

export const Model = z.object({
  id: z.string(),
  name: ModelName,
  description: z.string(),
  tags: z.record(z.string(), z.string()),
  aliases: z.array(z.object({ alias: z.string(), number: z.number().int() })),
  latest: z.number().int().nullable(),
  versionCount: z.number().int(),
  /** Versions that wait for an approval. */
  waiting: z.array(z.number().int()),
  /** From the project file. */
  task: z.string().nullable(),
  target: z.string().nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  updatedAt: Instant,
})
export type Model = z.infer<typeof Model>

const ModelParams = ProjectParams.extend({ model: ModelName })
/** `version` is a number, or `@alias`. */
const VersionParams = ModelParams.extend({
  version: z.string().regex(/^(\d{1,9}|@[\w-]{1,255})$/, 'a version is a number or @alias'),
})
const Reason = z.string().trim().min(1, 'a reason is required').max(2000)

export const listModels = defineEndpoint({
  name: 'listModels',
  method: 'GET',
  path: '/projects/:project/models',
  summary: 'Registered models by name.',
  action: 'model.read',
  params: ProjectParams,
  query: PageQuery,
  response: z.object({ items: z.array(Model), nextCursor: z.string().nullable() }),
  errors: ['project_not_found'],
})

export const getModel = defineEndpoint({
  name: 'getModel',
  method: 'GET',
  path: '/projects/:project/models/:model',
  summary: 'One registered model.',
  action: 'model.read',
  params: ModelParams,
  response: Model,
  errors: ['model_not_found'],
})

export const updateModel = defineEndpoint({
  name: 'updateModel',
  method: 'PATCH',
  path: '/projects/:project/models/:model',
  summary: 'Change a model’s description or tags (null removes one).',
  action: 'model.write',
  audit: 'each',
  params: ModelParams,
  body: z.object({
    description: z.string().max(100_000).optional(),
    tags: z.record(z.string().min(1).max(250), z.string().max(100_000).nullable()).optional(),
  }),
  response: Model,
  errors: ['model_not_found'],
})

export const listModelVersions = defineEndpoint({
  name: 'listModelVersions',
  method: 'GET',
  path: '/projects/:project/models/:model/versions',
  summary: 'Versions of a model, newest first.',
  action: 'model.read',
  params: ModelParams,
  query: PageQuery,
  response: z.object({ items: z.array(ModelVersionSummary), nextCursor: z.string().nullable() }),
  errors: ['model_not_found'],
})

export const registerModelVersion = defineEndpoint({
  name: 'registerModelVersion',
  method: 'POST',
  path: '/projects/:project/models/:model/versions',
  summary:
    'Make the next version from a run’s artifacts, a logged model or another version; creates the model if there is none.',
  action: 'model.write',
  audit: 'each',
  params: ModelParams,
  body: z.object({
    /** `runs:/<run id>/<path>`, `models:/<logged model id>`, `models:/<name>/<number>`. */ source: z
      .string()
      .min(1)
      .max(2048),
    description: z.string().max(100_000).default(''),
  }),
  response: ModelVersion,
  status: 201,
  errors: ['model_source_invalid', 'run_not_found'],
})

export const getModelVersion = defineEndpoint({
  name: 'getModelVersion',
  method: 'GET',
  path: '/projects/:project/models/:model/versions/:version',
  summary: 'Everything known about one version: files, signature, where it came from, gate evidence, approvals.',
  action: 'model.read',
  params: VersionParams,
  response: ModelVersion,
  errors: ['model_not_found', 'model_version_not_found', 'alias_not_found'],
})

export const updateModelVersion = defineEndpoint({
  name: 'updateModelVersion',
  method: 'PATCH',
  path: '/projects/:project/models/:model/versions/:version',
  summary: 'Change a version’s description, card or tags (null removes one). Its contents never change.',
  action: 'model.write',
  audit: 'each',
  params: VersionParams,
  body: z.object({
    description: z.string().max(100_000).optional(),
    card: z.string().max(100_000).optional(),
    tags: z.record(z.string().min(1).max(250), z.string().max(100_000).nullable()).optional(),
  }),
  response: ModelVersion,
  errors: ['model_not_found', 'model_version_not_found'],
})

export const getModelVersionFile = defineEndpoint({
  name: 'getModelVersionFile',
  method: 'GET',
  path: '/projects/:project/models/:model/versions/:version/files/content',
  summary: 'The bytes of one file of a version, always as an attachment.',
  action: 'model.read',
  params: VersionParams,
  query: z.object({ path: z.string().min(1).max(1024) }),
  response: 'bytes',
  errors: ['model_not_found', 'model_version_not_found', 'artifact_not_found', 'bad_request'],
})

export const listAliasMoves = defineEndpoint({
  name: 'listAliasMoves',
  method: 'GET',
  path: '/projects/:project/models/:model/alias-moves',
  summary: 'Who moved which alias, when, from what, to what and why; newest first.',
  action: 'model.read',
  params: ModelParams,
  query: PageQuery.extend({ alias: Alias.optional() }),
  response: z.object({ items: z.array(AliasMove), nextCursor: z.string().nullable() }),
  errors: ['model_not_found'],
})

export const setModelAlias = defineEndpoint({
  name: 'setModelAlias',
  method: 'PUT',
  path: '/projects/:project/models/:model/aliases/:alias',
  summary: 'Point an alias at a version. A protected alias (`production`) is moved by promoteModelVersion.',
  action: 'model.write',
  audit: 'each',
  params: ModelParams.extend({ alias: Alias }),
  body: z.object({
    version: z.number().int().positive(),
    /** The version it must point at now (null: nowhere); absent: any. */
    expected: z.number().int().positive().nullable().optional(),
    reason: z.string().max(2000).default(''),
  }),
  response: AliasMove,
  errors: ['model_not_found', 'model_version_not_found', 'alias_moved', 'alias_protected', 'model_version_not_usable'],
})

export const deleteModelAlias = defineEndpoint({
  name: 'deleteModelAlias',
  method: 'DELETE',
  path: '/projects/:project/models/:model/aliases/:alias',
  summary: 'Take an alias away. A protected alias cannot be.',
  action: 'model.write',
  audit: 'each',
  params: ModelParams.extend({ alias: Alias }),
  response: AliasMove,
  errors: ['model_not_found', 'alias_not_found', 'alias_protected'],
})

export const promoteModelVersion = defineEndpoint({
  name: 'promoteModelVersion',
  method: 'POST',
  path: '/projects/:project/models/:model/versions/:version/promote',
  summary:
    'Move a protected alias to a version that passed its gate; `override` moves it all the same and is recorded as that.',
  action: 'model.promote',
  audit: 'each',
  params: VersionParams,
  body: z.object({
    alias: Alias.default('production'),
    expected: z.number().int().positive().nullable().optional(),
    reason: Reason,
    override: z.boolean().default(false),
  }),
  response: AliasMove,
  errors: ['model_not_found', 'model_version_not_found', 'model_version_not_usable', 'alias_moved', 'gate_not_passed'],
})

export const rollbackModel = defineEndpoint({
  name: 'rollbackModel',
  method: 'POST',
  path: '/projects/:project/models/:model/rollback',
  summary: 'Point an alias back at the version before (or at a named earlier one that it pointed at).',
  action: 'model.promote',
  audit: 'each',
  params: ModelParams,
  body: z.object({ alias: Alias.default('production'), to: z.number().int().positive().optional(), reason: Reason }),
  response: AliasMove,
  errors: ['model_not_found', 'alias_not_found', 'alias_moved', 'nothing_to_roll_back_to'],
})

export const approveModelVersion = defineEndpoint({
  name: 'approveModelVersion',
  method: 'POST',
  path: '/projects/:project/models/:model/versions/:version/approve',
  summary: 'Approve a version that passed its checks; binds the digest of its evidence.',
  action: 'model.approve',
  audit: 'each',
  params: VersionParams,
  body: z.object({ /** The evidence that was looked at. */ digest: Sha256, comment: z.string().max(2000).default('') }),
  response: ModelVersion,
  errors: ['model_not_found', 'model_version_not_found', 'approval_not_awaited', 'evidence_changed'],
})

export const refuseModelVersion = defineEndpoint({
  name: 'refuseModelVersion',
  method: 'POST',
  path: '/projects/:project/models/:model/versions/:version/refuse',
  summary: 'Refuse a version that waits for approval, with the reason.',
  action: 'model.approve',
  audit: 'each',
  params: VersionParams,
  body: z.object({ digest: Sha256, reason: Reason }),
  response: ModelVersion,
  errors: ['model_not_found', 'model_version_not_found', 'approval_not_awaited', 'evidence_changed'],
})
