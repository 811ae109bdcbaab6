import { z } from 'zod'

/**
 * The private conversation between the server and the data plane (`kiban inference`), over the unix socket
 * `KIBAN_HOME/run/inference.sock`: `PUT /table` (RoutingTable → TableResult), `GET /stats` (InferenceStats),
 * `GET /ready`, `POST /rotate` (RotateRequest → RotateResult), `POST /stop`. Not part of `/api/v1`; both ends come from one build.
 */

/** Types of the Open Inference Protocol that the data plane takes. */
export const Datatype = z.enum([
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
])
export type Datatype = z.infer<typeof Datatype>

/** A tensor's name, type and shape; -1 is a free dimension. */
export const TensorSpec = z.object({ name: z.string(), datatype: Datatype, shape: z.array(z.number().int()) })
export type TensorSpec = z.infer<typeof TensorSpec>

/** One model version that the data plane should hold. `path` is the absolute path of the `.onnx` file. */
export const VersionEntry = z.object({
  id: z.string(),
  model: z.string(),
  number: z.number().int().positive(),
  runtime: z.literal('onnx'),
  path: z.string(),
})
export type VersionEntry = z.infer<typeof VersionEntry>

/** What one endpoint does with a request. */
export const EndpointRoute = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  /** Who answers; weights are shares of their sum. The first is the running version; the others take the low end of the spread. */
  variants: z.array(z.object({ name: z.string(), versionId: z.string(), weight: z.number().min(0) })).min(1),
  /** Versions that get a copy of every request and whose answer nobody sees. */
  shadow: z.array(z.string()).default([]),
  /** The version that answers when another one fails with a 5xx. */
  fallback: z.string().nullable().default(null),
  /** An input (`customer`) or header (`header:x-user`) whose value decides the variant; null: each request on its own. */
  stickyBy: z.string().nullable().default(null),
  /** Columns that identify the thing predicted: logged, and fed to the model only if it takes an input of that name. */
  key: z.array(z.string()).default([]),
  /** The column with the event's time: logged, and fed only if the model takes it. */
  timestamp: z.string().nullable().default(null),
  /** Null: nothing is logged. `mask`: columns logged as null; `hash`: as SHA-256. */
  log: z
    .object({
      sample: z.number().min(0).max(1).default(1),
      mask: z.array(z.string()).default([]),
      hash: z.array(z.string()).default([]),
    })
    .nullable(),
  batching: z
    .object({ maxSize: z.number().int().min(1), maxDelayMs: z.number().min(0) })
    .default({ maxSize: 64, maxDelayMs: 0 }),
  timeoutMs: z.number().int().positive().default(30_000),
  maxBodyBytes: z
    .number()
    .int()
    .positive()
    .default(64 * 1024 * 1024),
})
export type EndpointRoute = z.infer<typeof EndpointRoute>

/** All that the data plane needs to serve; it keeps the last one in its home and serves it at once after a restart. */
export const RoutingTable = z.object({
  revision: z.number().int().nonnegative(),
  versions: z.array(VersionEntry),
  endpoints: z.array(EndpointRoute),
})
export type RoutingTable = z.infer<typeof RoutingTable>

/** What became of each version of a table. `signature` is read from the model itself. */
export const VersionStatus = z.object({
  id: z.string(),
  state: z.enum(['loading', 'ready', 'failed', 'draining']),
  error: z.string().nullable(),
  signature: z.object({ inputs: z.array(TensorSpec), outputs: z.array(TensorSpec) }).nullable(),
  inFlight: z.number().int(),
})
export type VersionStatus = z.infer<typeof VersionStatus>

/** Answer to `PUT /table`. An endpoint whose versions are not all ready keeps its old route and is named in `held`. */
export const TableResult = z.object({
  revision: z.number().int(),
  versions: z.array(VersionStatus),
  held: z.array(z.string()),
})
export type TableResult = z.infer<typeof TableResult>

/** Counters since the start of the process (`boot`), for one endpoint, version and role. */
export const VersionStats = z.object({
  endpointId: z.string(),
  versionId: z.string(),
  variant: z.string(),
  requests: z.number(),
  rows: z.number(),
  /** Requests that this version failed with a 5xx; also counted when the fallback answered instead. */
  errors: z.number(),
  /** Requests refused with a 4xx: the caller's fault, never held against a version. */
  rejected: z.number(),
  /** Requests of another version that this one answered in its place. */
  fallbacks: z.number(),
  latencyMsSum: z.number(),
  /** Sparse histogram of latency: [bucket index, count]; bucket i ends at LATENCY_BUCKET_MS(i). */
  latency: z.array(z.tuple([z.number().int(), z.number().int()])),
  inFlight: z.number().int(),
})
export type VersionStats = z.infer<typeof VersionStats>

export const InferenceStats = z.object({
  boot: z.string(),
  startedAt: z.number(),
  pid: z.number().int(),
  revision: z.number().int(),
  at: z.number(),
  rssBytes: z.number(),
  versions: z.array(VersionStatus),
  stats: z.array(VersionStats),
})
export type InferenceStats = z.infer<typeof InferenceStats>

/** Asks to close the open segments, of one endpoint or of all. */
export const RotateRequest = z.object({ endpointId: z.string().nullable() })
export const RotateResult = z.object({ closed: z.array(z.object({ endpointId: z.string(), path: z.string() })) })
export type RotateResult = z.infer<typeof RotateResult>

/** One row of the prediction log, as a line of JSON in `KIBAN_HOME/predictions/open/<endpoint id>/<seq>.ndjson`. */
export const PredictionRecord = z.object({
  id: z.string(),
  received_at: z.number(),
  event_time: z.number(),
  key: z.string().nullable(),
  endpoint: z.string(),
  version: z.string(),
  variant: z.string(),
  status: z.enum(['ok', 'fallback', 'shadow', 'error']),
  latency_ms: z.number(),
  /** The score as one number: the positive class's probability, the only output, or the label; null if there is none. */
  prediction: z.number().nullable(),
  output: z.record(z.string(), z.json()),
  features: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.json())])),
})
export type PredictionRecord = z.infer<typeof PredictionRecord>

/** Growth of one latency bucket: quantiles read from the histogram are at most this much too high. */
export const LATENCY_GROWTH = 1.04
/** Lower end of the histogram. */
export const LATENCY_FIRST_MS = 0.02
/** Number of buckets; the last one is open (an hour and more). */
export const LATENCY_BUCKETS = 501

/** The bucket a latency falls in; 0 is everything up to LATENCY_FIRST_MS. */
export function latencyBucket(latencyMs: number): number {
  if (!(latencyMs > LATENCY_FIRST_MS)) return 0
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(Math.log(latencyMs / LATENCY_FIRST_MS) / Math.log(LATENCY_GROWTH)))
}

/** Upper end of a bucket in ms. */
export function latencyBucketMs(bucket: number): number {
  return LATENCY_FIRST_MS * LATENCY_GROWTH ** bucket
}
