import { z } from 'zod'
import { OutputType, RetryRule } from '@kiban/contract/jobs'
import type { JobCause, JobMetric, JobOutput, JobState } from '@kiban/contract/jobs'
import { Json, Name, Sha256 } from '@kiban/contract/primitives'

/**
 * Text of a command or variable: a string, or pieces of which some are paths that are known only when the attempt starts
 * (`{ input: 'fit' }` is `$KIBAN_INPUTS/fit`, absolute). Nothing in a string piece is looked at.
 */
export const JobText = z.union([
  z.string(),
  z.array(z.union([z.string(), z.strictObject({ input: z.string() }), z.strictObject({ output: z.string() })])),
])
export type JobText = z.infer<typeof JobText>

const Variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a variable has letters, digits and _ only')

/**
 * Everything about a job that is fixed when it is submitted. `argv` runs without a shell, `script` by `bash -eo pipefail`; one of the two.
 * An input tree appears at `$KIBAN_INPUTS/<name>`: as a folder, or as one file when its `type` is `file`; values join `$KIBAN_PARAMS`.
 * `secretEnv` maps a variable to a secret's name; `secrets` become files in `$KIBAN_SECRETS`. `seed` spreads retry delays
 * (project-file §6: run, step, item). `platform`: argv[0] `kiban-node` is our own Node and the code is ours.
 */
export const JobSpec = z.strictObject({
  project: Name,
  name: z.string().min(1).max(200),
  owner: z.strictObject({ kind: z.string().min(1), id: z.string().min(1) }),
  argv: z.array(JobText).min(1).max(10_000).optional(),
  script: z.string().min(1).max(100_000).optional(),
  /** Folder below the code in which the command starts. */
  dir: z.string().max(1024).optional(),
  code: Sha256.nullable(),
  environmentId: z.string().nullable(),
  inputs: z.record(
    Name,
    z.union([z.strictObject({ tree: Sha256, type: OutputType.optional() }), z.strictObject({ value: Json })]),
  ),
  outputs: z.record(
    Name,
    z.union([OutputType, z.strictObject({ type: OutputType, optional: z.boolean().optional() })]),
  ),
  params: Json,
  env: z.record(Variable, JobText),
  secretEnv: z.record(Variable, z.string()).optional(),
  secrets: z.array(Name).optional(),
  runId: z.string().nullable(),
  resources: z
    .strictObject({ cpu: z.number().positive().optional(), memoryBytes: z.number().int().positive().optional() })
    .optional(),
  timeoutMs: z.number().int().positive().optional(),
  retry: z.array(RetryRule).optional(),
  priority: z.number().int().min(-1000).max(1000).optional(),
  graceMs: z.number().int().min(0).max(600_000).optional(),
  seed: z.string().optional(),
  platform: z.boolean().optional(),
  /** The person it works for; default: who submits it. */
  onBehalfOf: z.string().optional(),
})
export type JobSpec = z.input<typeof JobSpec>
export type ParsedJobSpec = z.infer<typeof JobSpec>

/** A job as other modules see it. `reason`: one sentence on what it waits for, only while it is queued. */
export type JobView = {
  readonly id: string
  readonly project: string
  readonly name: string
  readonly owner: { readonly kind: string; readonly id: string }
  readonly runId: string | null
  readonly state: JobState
  readonly cause: JobCause | null
  readonly message: string | null
  readonly exitCode: number | null
  readonly attempt: number
  readonly outputs: Readonly<Record<string, JobOutput>>
  readonly metrics: readonly JobMetric[]
  readonly createdAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly reason: string | null
}
