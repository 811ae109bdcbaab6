import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { getManifest } from '@kiban/kit/manifests'
import { getJob, submitJob } from '../jobs/index.ts'
import type { JobView } from '../jobs/index.ts'
import { EvaluationResult } from './evaluation.ts'
import type { EvaluationRequest } from './evaluation.ts'
import { PythonAnswers, ServedAnswers } from './compare-answers.ts'

const PROGRAM = fileURLToPath(new URL('./evaluate-job.ts', import.meta.url))
const HOUR_MS = 3_600_000
export const PARITY_ROWS = 1000

export type JobOwner = { readonly kind: string; readonly id: string }

/** Starts (or finds) the platform job that scores models on rows. In a transaction; idempotent by owner and name. */
export function submitEvaluation(
  ctx: Ctx,
  input: {
    project: string
    owner: JobOwner
    name: string
    trees: Readonly<Record<string, string>>
    request: EvaluationRequest
  },
): Promise<string> {
  return submitJob(ctx, {
    project: input.project,
    name: input.name,
    owner: { ...input.owner },
    argv: ['kiban-node', PROGRAM],
    platform: true,
    code: null,
    environmentId: null,
    inputs: Object.fromEntries(Object.entries(input.trees).map(([name, tree]) => [name, { tree }])),
    outputs: { result: 'file', sample: 'file', answers: 'file' },
    // A parsed request is JSON; the type of an optional key does not show it.
    params: JSON.parse(JSON.stringify(input.request)) as Json,
    env: {},
    runId: null,
    timeoutMs: HOUR_MS,
  })
}

/** Starts (or finds) the job that asks the Python model for its answers to the sampled rows, in the environment that trained it. */
export function submitParity(
  ctx: Ctx,
  input: { project: string; owner: JobOwner; name: string; model: string; sample: string; environmentId: string },
): Promise<string> {
  return submitJob(ctx, {
    project: input.project,
    name: input.name,
    owner: { ...input.owner },
    argv: [
      'python',
      '-m',
      'kiban.parity',
      '--model',
      [{ input: 'model' }],
      '--rows',
      [{ input: 'rows' }],
      '--out',
      [{ output: 'answers' }],
    ],
    code: null,
    environmentId: input.environmentId,
    inputs: { model: { tree: input.model }, rows: { tree: input.sample, type: 'file' } },
    outputs: { answers: 'file' },
    params: {},
    env: {},
    runId: null,
    timeoutMs: HOUR_MS,
  })
}

/** The job when it has ended; otherwise a sentence on what it waits for. */
export async function endedJob(ctx: Ctx, id: string): Promise<JobView | string> {
  const job = await getJob(ctx, id)
  if (['succeeded', 'failed', 'cancelled'].includes(job.state)) return job
  return `${job.name} is ${job.state} (${job.id})${job.reason ? `: ${job.reason}` : ''}`
}

export function treeOf(job: JobView, output: string): string {
  const value = job.outputs[output]
  if (!value || !('tree' in value)) throw new Error(`the job ${job.id} has no tree ${output}`)
  return value.tree
}

export const readEvaluation = (ctx: Ctx, job: JobView) => readOutput(ctx, job, 'result', EvaluationResult)
export const readServedAnswers = (ctx: Ctx, job: JobView) => readOutput(ctx, job, 'answers', ServedAnswers)
export const readPythonAnswers = (ctx: Ctx, job: JobView) => readOutput(ctx, job, 'answers', PythonAnswers)

async function readOutput<S extends z.ZodType>(ctx: Ctx, job: JobView, output: string, schema: S): Promise<z.infer<S>> {
  const [file] = await getManifest(ctx.platform.blobs, treeOf(job, output))
  if (!file) throw new Error(`the output ${output} of ${job.id} is empty`)
  return schema.parse(JSON.parse((await ctx.platform.blobs.read(file.hash)).toString('utf8')))
}
