/** Datasets: versions of files, the contract each version is held to, what is in them, and how two of them differ. */
import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, ManifestFile, Name, PageQuery, ProjectParams, Sha256 } from './primitives.ts'

/**
 * `checking`: committed, its contract has not run yet. `usable`: holds, or has no contract. `warned`: holds but for warnings.
 * `quarantined`: usable without the values and rows that broke the contract. `blocked`: never used; the previous version stays the
 * newest usable one. `superseded`: not checked, because many newer versions came first; a check can be asked for.
 */
export const DatasetVersionState = z.enum(['checking', 'usable', 'warned', 'quarantined', 'blocked', 'superseded'])
export type DatasetVersionState = z.infer<typeof DatasetVersionState>

export const OnFail = z.enum(['block', 'quarantine', 'warn'])
export type OnFail = z.infer<typeof OnFail>

export const CheckSeverity = z.enum(['error', 'warn', 'info'])
export type CheckSeverity = z.infer<typeof CheckSeverity>

/** What made a version: a person's commit has none. */
export const ProducedBy = z.object({ kind: z.enum(['run', 'job', 'step_run']), id: z.string() })
export type ProducedBy = z.infer<typeof ProducedBy>

/** Counts of a contract's rules by result. */
export const CheckSummary = z.object({
  rules: z.number().int(),
  broken: z.number().int(),
  warned: z.number().int(),
  noted: z.number().int(),
})
export type CheckSummary = z.infer<typeof CheckSummary>

export const DatasetVersion = z.object({
  id: z.string(),
  dataset: z.string(),
  number: z.number().int(),
  parentNumber: z.number().int().nullable(),
  mode: z.enum(['replace', 'append']),
  state: DatasetVersionState,
  /** Why it is blocked or could not be checked, in a sentence. */
  stateReason: z.string().nullable(),
  message: z.string(),
  /** Manifest of the files that are used: those committed, less what the contract quarantined. */
  manifest: Sha256,
  /** Manifest of the files as committed. */
  committedManifest: Sha256,
  files: z.number().int(),
  sizeBytes: z.number().int(),
  /** Bytes of files that the parent did not have. */
  newBytes: z.number().int(),
  /** Null until counted, and for files that are no table. */
  rows: z.number().int().nullable(),
  newRows: z.number().int().nullable(),
  /** Values set to null and rows held back by the contract; null when nothing was. */
  quarantine: z.object({ values: z.number().int(), rows: z.number().int() }).nullable(),
  checks: CheckSummary.nullable(),
  tags: z.array(z.string()),
  producedBy: ProducedBy.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
})
export type DatasetVersion = z.infer<typeof DatasetVersion>

export const Dataset = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  owner: z.string().nullable(),
  type: z.enum(['table', 'folder']),
  key: z.array(z.string()),
  timestamp: z.string().nullable(),
  source: z.string().nullable(),
  sensitivity: z.enum(['public', 'internal', 'personal', 'secret']).nullable(),
  contract: z.object({ file: z.string(), onFail: OnFail, rules: z.number().int() }).nullable(),
  versions: z.number().int(),
  /** The newest version in any state, and the newest that is used. */
  latest: DatasetVersion.nullable(),
  newestUsable: z.object({ id: z.string(), number: z.number().int() }).nullable(),
  tags: z.array(z.object({ name: z.string(), version: z.number().int() })),
  archivedAt: Instant.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
})
export type Dataset = z.infer<typeof Dataset>

export const DatasetColumn = z.object({
  name: z.string(),
  type: z.string(),
  kind: z.enum(['number', 'text', 'bool', 'time', 'other']),
})
export type DatasetColumn = z.infer<typeof DatasetColumn>

export const ColumnProfile = DatasetColumn.extend({
  nulls: z.number().int(),
  /** Exact of text and bool columns, else approximate (HyperLogLog). */
  distinct: z.number().int(),
  min: Json,
  max: Json,
  mean: z.number().nullable(),
  std: z.number().nullable(),
  /** Approximate (t-digest); of numbers and times. Times are ms since the epoch. */
  quantiles: z
    .object({ p01: z.number(), p25: z.number(), p50: z.number(), p75: z.number(), p99: z.number() })
    .nullable(),
  /** 20 bins of equal width between min and max. */
  histogram: z.object({ edges: z.array(z.number()), counts: z.array(z.number().int()) }).nullable(),
  /** The commonest values, with exact counts, of text and bool columns. */
  top: z.array(z.object({ value: z.string(), count: z.number().int() })).nullable(),
})
export type ColumnProfile = z.infer<typeof ColumnProfile>

export const DatasetProfile = z.object({
  version: z.number().int(),
  rows: z.number().int(),
  columns: z.array(ColumnProfile),
  computedAt: Instant,
  durationMs: z.number(),
})
export type DatasetProfile = z.infer<typeof DatasetProfile>

export const CheckResult = z.object({
  rule: z.string(),
  title: z.string(),
  column: z.string().nullable(),
  severity: CheckSeverity,
  /** What the violations count: rows, distinct groups such as days, or 0/1 for a whole-table rule. */
  unit: z.string(),
  result: z.enum(['holds', 'broken', 'warns', 'noted', 'error']),
  violations: z.number().int(),
  /** The measured value the operator was applied to, where it is not the violations. */
  measured: z.number().nullable(),
  threshold: z.string().nullable(),
  onFail: OnFail,
  /** What was done: nothing, the version blocked, values set to null, rows held back. */
  effect: z.enum(['none', 'blocked', 'values_nulled', 'rows_held_back']),
  /** At most 20 failing rows or groups: key columns first, then the columns of the rule. */
  samples: z.array(z.record(z.string(), Json)),
  /** Of the latest checked versions, oldest first, this one included. */
  history: z.array(z.object({ version: z.number().int(), violations: z.number().int() })),
  /** Set when the rule itself could not be run. */
  error: z.string().nullable(),
})
export type CheckResult = z.infer<typeof CheckResult>

export const DatasetChecks = z.object({
  version: z.number().int(),
  state: DatasetVersionState,
  contractFile: z.string().nullable(),
  contractHash: Sha256.nullable(),
  rows: z.number().int().nullable(),
  summary: CheckSummary.nullable(),
  results: z.array(CheckResult),
  checkedAt: Instant.nullable(),
  durationMs: z.number().nullable(),
})
export type DatasetChecks = z.infer<typeof DatasetChecks>

export const DatasetDiff = z.object({
  from: z.number().int(),
  to: z.number().int(),
  columns: z.object({
    added: z.array(DatasetColumn),
    removed: z.array(DatasetColumn),
    changed: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })),
  }),
  /** `byKey` when the dataset has a key; else rows of the files that differ are compared whole. Null for files that are no table. */
  rows: z
    .object({
      from: z.number().int(),
      to: z.number().int(),
      added: z.number().int(),
      removed: z.number().int(),
      changed: z.number().int().nullable(),
      byKey: z.boolean(),
    })
    .nullable(),
  files: z.object({
    added: z.array(ManifestFile),
    removed: z.array(ManifestFile),
    changed: z.array(z.object({ path: z.string(), from: ManifestFile, to: ManifestFile })),
    unchanged: z.number().int(),
  }),
})
export type DatasetDiff = z.infer<typeof DatasetDiff>

export const DatasetParams = ProjectParams.extend({ dataset: Name })

/** `31`, `latest` (any state), `usable` (the newest that is used) or `@tag`. */
export const VersionRef = z
  .string()
  .regex(
    /^([1-9][0-9]{0,8}|latest|usable|@[A-Za-z][A-Za-z0-9_-]{0,62})$/,
    'a version is a number, latest, usable or @tag',
  )
export const DatasetVersionParams = DatasetParams.extend({ version: VersionRef })

const SEE = ['project_not_found', 'dataset_not_found'] as const
const SEE_VERSION = [...SEE, 'dataset_version_not_found'] as const
const MAX_FILES = 20_000

export const listDatasets = defineEndpoint({
  name: 'listDatasets',
  method: 'GET',
  path: '/projects/:project/datasets',
  summary: 'Datasets of a project with their newest version, by name',
  action: 'dataset.read',
  params: ProjectParams,
  query: z.object({ archived: z.stringbool().default(false) }),
  response: z.object({ datasets: z.array(Dataset) }),
  errors: ['project_not_found'],
})

export const getDataset = defineEndpoint({
  name: 'getDataset',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset',
  summary: 'One dataset',
  action: 'dataset.read',
  params: DatasetParams,
  response: Dataset,
  errors: [...SEE],
})

export const getDatasetContract = defineEndpoint({
  name: 'getDatasetContract',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/contract',
  summary: 'The data contract (ODCS 3.1 YAML) the next version is held to',
  action: 'dataset.read',
  params: DatasetParams,
  response: z.object({
    contract: z.object({ file: z.string(), hash: Sha256, onFail: OnFail, text: z.string() }).nullable(),
  }),
  errors: [...SEE],
})

export const listDatasetVersions = defineEndpoint({
  name: 'listDatasetVersions',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions',
  summary: 'Versions, newest first',
  action: 'dataset.read',
  params: DatasetParams,
  query: PageQuery,
  response: z.object({ versions: z.array(DatasetVersion), nextCursor: z.string().nullable() }),
  errors: [...SEE],
})

export const getDatasetVersion = defineEndpoint({
  name: 'getDatasetVersion',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions/:version',
  summary: 'One version',
  action: 'dataset.read',
  params: DatasetVersionParams,
  response: DatasetVersion,
  errors: [...SEE_VERSION],
})

export const commitDatasetVersion = defineEndpoint({
  name: 'commitDatasetVersion',
  method: 'POST',
  path: '/projects/:project/datasets/:dataset/versions',
  summary: 'Makes a version of uploaded files; creates the dataset if it is new',
  action: 'dataset.write',
  audit: 'each',
  params: DatasetParams,
  /** `append` keeps the files of the newest version that is not blocked (replacing those of the same path); `replace` is exactly these files. */
  body: z.object({
    files: z.array(ManifestFile).max(MAX_FILES),
    mode: z.enum(['replace', 'append']).default('replace'),
    message: z.string().max(2000).default(''),
    /** Refuse (409) unless this is the newest version's number; 0 for none yet. */
    ifNewest: z.number().int().nonnegative().optional(),
  }),
  response: DatasetVersion,
  status: 201,
  maxBodyBytes: 8 << 20,
  errors: ['project_not_found', 'dataset_archived', 'dataset_blob_missing', 'dataset_version_conflict', 'bad_request'],
})

export const listMissingBlobs = defineEndpoint({
  name: 'listMissingBlobs',
  method: 'POST',
  path: '/projects/:project/blobs/missing',
  summary:
    'Which of these blobs must still be uploaded to this project; a hash alone gives no access to bytes of another project',
  action: 'dataset.write',
  audit: { none: 'asks, changes nothing' },
  params: ProjectParams,
  body: z.object({ hashes: z.array(Sha256).max(MAX_FILES) }),
  response: z.object({ missing: z.array(Sha256) }),
  maxBodyBytes: 8 << 20,
  errors: ['project_not_found'],
})

export const putBlob = defineEndpoint({
  name: 'putBlob',
  method: 'PUT',
  path: '/projects/:project/blobs/:sha256',
  summary: 'Uploads the bytes of one file; refused when they have another SHA-256',
  action: 'dataset.write',
  audit: { none: 'bytes are not part of anything until a commit names them, and the commit is audited' },
  params: ProjectParams.extend({ sha256: Sha256 }),
  body: 'bytes',
  response: z.object({ hash: Sha256, sizeBytes: z.number().int() }),
  maxBodyBytes: 5 * 2 ** 30,
  errors: ['project_not_found', 'dataset_blob_mismatch'],
})

export const listDatasetFiles = defineEndpoint({
  name: 'listDatasetFiles',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions/:version/files',
  summary: 'Files of a version, by path',
  action: 'dataset.read',
  params: DatasetVersionParams,
  query: PageQuery.extend({ prefix: z.string().max(1024).default('') }),
  response: z.object({ files: z.array(ManifestFile), nextCursor: z.string().nullable() }),
  errors: [...SEE_VERSION],
})

export const downloadDatasetFile = defineEndpoint({
  name: 'downloadDatasetFile',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions/:version/file',
  summary: 'The bytes of one file of a version, as committed',
  action: 'dataset.read',
  params: DatasetVersionParams,
  query: z.object({ path: z.string().min(1).max(1024) }),
  response: 'bytes',
  errors: [...SEE_VERSION, 'dataset_file_not_found'],
})

export const previewDatasetVersion = defineEndpoint({
  name: 'previewDatasetVersion',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions/:version/rows',
  summary: 'Rows of a version in file order; `view=quarantine` shows the rows that were held back',
  action: 'dataset.read',
  params: DatasetVersionParams,
  query: z.object({
    limit: z.coerce.number().int().min(1).max(500).default(50),
    offset: z.coerce.number().int().min(0).max(100_000_000).default(0),
    view: z.enum(['usable', 'committed', 'quarantine']).default('usable'),
  }),
  response: z.object({ columns: z.array(DatasetColumn), rows: z.array(z.array(Json)), total: z.number().int() }),
  errors: [...SEE_VERSION, 'dataset_not_table'],
})

export const getDatasetProfile = defineEndpoint({
  name: 'getDatasetProfile',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions/:version/profile',
  summary: 'Types, missing values, distribution of every column; computed now if nobody asked before',
  action: 'dataset.read',
  params: DatasetVersionParams,
  response: DatasetProfile,
  errors: [...SEE_VERSION, 'dataset_not_table'],
})

export const getDatasetChecks = defineEndpoint({
  name: 'getDatasetChecks',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/versions/:version/checks',
  summary: 'Result of every rule of the contract on this version: violations, failing rows, history, what it stopped',
  action: 'dataset.read',
  params: DatasetVersionParams,
  response: DatasetChecks,
  errors: [...SEE_VERSION],
})

export const checkDatasetVersion = defineEndpoint({
  name: 'checkDatasetVersion',
  method: 'POST',
  path: '/projects/:project/datasets/:dataset/versions/:version/checks',
  summary: 'Runs the current contract on a version again (after the contract changed, or one that was superseded)',
  action: 'dataset.write',
  audit: 'each',
  params: DatasetVersionParams,
  response: DatasetVersion,
  status: 202,
  errors: [...SEE_VERSION, 'dataset_no_contract'],
})

export const diffDatasetVersions = defineEndpoint({
  name: 'diffDatasetVersions',
  method: 'GET',
  path: '/projects/:project/datasets/:dataset/diff',
  summary: 'What changed between two versions: columns, rows, files',
  action: 'dataset.read',
  params: DatasetParams,
  query: z.object({ from: VersionRef, to: VersionRef }),
  response: DatasetDiff,
  errors: [...SEE_VERSION],
})

export const setDatasetTag = defineEndpoint({
  name: 'setDatasetTag',
  method: 'PUT',
  path: '/projects/:project/datasets/:dataset/tags/:tag',
  summary: 'Points a tag at a version',
  action: 'dataset.write',
  audit: 'each',
  params: DatasetParams.extend({ tag: Name }),
  body: z.object({ version: z.number().int().positive() }),
  response: DatasetVersion,
  errors: [...SEE_VERSION],
})

export const deleteDatasetTag = defineEndpoint({
  name: 'deleteDatasetTag',
  method: 'DELETE',
  path: '/projects/:project/datasets/:dataset/tags/:tag',
  summary: 'Removes a tag',
  action: 'dataset.write',
  audit: 'each',
  params: DatasetParams.extend({ tag: Name }),
  response: z.null(),
  status: 204,
  errors: [...SEE, 'dataset_tag_not_found'],
})
