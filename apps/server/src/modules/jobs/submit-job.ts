import { afterCommit, emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { machineCapacity, neverFits, withDefaults } from './capacity.ts'
import { JobSpec } from './job-spec.ts'
import type { ParsedJobSpec } from './job-spec.ts'
import { WAKES } from './job-events.ts'
import { findJobByOwner, insertJob } from './jobs.store.ts'

/**
 * Puts a job into the queue, in the caller's transaction, and returns its id. Idempotent: the same owner and name give the same job
 * whatever else is given. A job that fits on no machine is stored as failed, so that its owner sees why. Throws `job_invalid`.
 */
export async function submitJob(ctx: Ctx, input: JobSpec): Promise<string> {
  const spec = parse(input)
  return inTransaction(ctx, async (ctx) => {
    const known = await findJobByOwner(ctx.db, spec.owner, spec.name)
    if (known) return known.id
    const id = newId('job')
    const now = ctx.clock.now()
    const capacity = machineCapacity()
    const resources = withDefaults(spec.resources, capacity)
    const problem = neverFits(resources, capacity)
    await insertJob(ctx.db, {
      id,
      project: spec.project,
      name: spec.name,
      owner_kind: spec.owner.kind,
      owner_id: spec.owner.id,
      state: problem ? 'failed' : 'queued',
      priority: spec.priority ?? 0,
      spec: JSON.stringify(spec),
      environment_id: spec.environmentId,
      run_id: spec.runId,
      cpu: resources.cpu,
      memory_bytes: resources.memoryBytes,
      attempt: 0,
      retry_counts: '{}',
      cause: problem ? 'user_error' : null,
      message: problem ?? null,
      outputs: '{}',
      metrics: '[]',
      created_at: now,
      created_by: spec.onBehalfOf ?? ctx.actor.onBehalfOf ?? ctx.actor.id,
      queued_at: now,
      ended_at: problem ? now : null,
    })
    emit(ctx, { topic: `projects/${spec.project}/jobs`, kind: problem ? 'job.failed' : 'job.queued', id })
    if (problem) afterCommit(ctx, () => WAKES.forEach((loop) => ctx.platform.wake(loop)))
    else wake(ctx, 'jobs')
    return id
  })
}

function parse(input: JobSpec): ParsedJobSpec {
  const parsed = JobSpec.safeParse(input)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw invalid(input, `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'wrong'}`)
  }
  const spec = parsed.data
  if ((spec.argv === undefined) === (spec.script === undefined)) throw invalid(input, 'give either argv or script')
  if (spec.dir !== undefined && (spec.dir.startsWith('/') || spec.dir.split('/').includes('..')))
    throw invalid(input, `dir: ${JSON.stringify(spec.dir)} leads out of the code; give a folder below it`)
  const texts = [...(spec.argv ?? []), ...Object.values(spec.env)].flatMap((text) =>
    typeof text === 'string' ? [] : text,
  )
  for (const piece of texts) {
    if (typeof piece === 'string') continue
    const [kind, name] = 'input' in piece ? ['inputs', piece.input] : ['outputs', piece.output]
    if (!Object.hasOwn(kind === 'inputs' ? spec.inputs : spec.outputs, name))
      throw invalid(input, `${kind}: there is no ${name}, but the command names it`)
  }
  return spec
}

function invalid(input: { readonly name?: unknown }, problem: string): AppError {
  return new AppError('job_invalid', {
    message: `The job ${JSON.stringify(input.name)} can't be submitted: ${problem}.`,
  })
}
