import { z } from 'zod'
import type { Json } from '@kiban/contract/primitives'
import type { Evidence } from '@kiban/contract/models'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { StepComponent } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { getEnvironment } from '../environments/index.ts'
import { findPipelineRun } from '../pipelines/index.ts'
import { compareAnswers } from './compare-answers.ts'
import {
  endedJob,
  PARITY_ROWS,
  readEvaluation,
  readPythonAnswers,
  readServedAnswers,
  submitEvaluation,
  submitParity,
  treeOf,
} from './evaluation-jobs.ts'
import type { EvaluationResult } from './evaluation.ts'
import { composeEvidence, nameOf, newestEvidence, storeEvidence } from './evidence.ts'
import { evaluationRequest } from './evaluation-request.ts'
import { specOf } from './model-spec.ts'
import type { StoredSpec } from './model-spec.ts'
import { nextState } from './models.state.ts'
import { findAlias } from './models.store.ts'
import { readContents, registerVersion } from './register-version.ts'
import type { Contents } from './register-version.ts'
import { modelOf, moveAlias } from './set-alias.ts'
import { findVersionById, findVersionByStep, updateVersionRow } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

type Step = Parameters<StepComponent['advance']>[1]
type Advanced = Awaited<ReturnType<StepComponent['advance']>>

/** The version that the candidate is compared with, pinned when its evaluation starts. */
const State = z.object({ champion: z.string().nullable() })
const ALIAS = 'production'
const wait = (reason: string, state: z.infer<typeof State> | null): Advanced => ({
  status: 'waiting',
  state: state as Json,
  reason,
})

/**
 * `kiban/release`: makes a version of a step's model, checks that Python and ONNX agree, judges it by the gate of the project file on the
 * evaluation rows, asks for approval where the gate names approvers, and moves the alias `production` by compare-and-set on the champion
 * that it was compared with. A version that does not pass is refused; that is an answer, so the step succeeds and says so.
 */
export const releaseStep: StepComponent = {
  inputs: {
    model: { type: 'model' },
    name: { type: 'string' },
    evaluation: { type: 'dataset', optional: true },
    training: { type: 'dataset', optional: true },
  },
  outputs: {
    version: { type: 'int' },
    versionId: { type: 'string' },
    uri: { type: 'string' },
    verdict: { type: 'string' },
    reason: { type: 'string' },
  },
  advance: async (ctx, step) => {
    try {
      return await advanceRelease(ctx, step)
    } catch (error) {
      if (error instanceof AppError && error.code !== 'internal')
        return { status: 'failed', cause: 'user_error', message: error.message }
      throw error
    }
  },
}

async function advanceRelease(loop: Ctx, step: Step): Promise<Advanced> {
  const run = await findPipelineRun(loop.db, step.pipelineRunId)
  // The loop acts for whoever started the pipeline: versions, moves and audit events name that person.
  const ctx: Ctx = run ? { ...loop, actor: { ...loop.actor, onBehalfOf: run.created_by } } : loop
  const version = (await findVersionByStep(ctx.db, step.id)) ?? (await makeVersion(ctx, step))
  if (version.state === 'pending') return judgeVersion(ctx, step, version)
  if (version.state === 'awaiting_approval')
    return wait(`${version.name} v${version.number} passed its checks and waits for approval`, null)
  if (version.state === 'ready') return releaseApproved(ctx, version)
  return outcome(version)
}

function outcome(version: NamedVersionRow): Advanced {
  const verdict = version.state === 'released' || version.state === 'rolled_back' ? 'released' : 'refused'
  return {
    status: 'succeeded',
    outputs: {
      version: { value: version.number },
      versionId: { value: version.id },
      uri: { value: `models:/${version.name}/${version.number}` },
      verdict: { value: verdict },
      reason: { value: version.state_reason },
    },
  }
}

async function makeVersion(ctx: Ctx, step: Step): Promise<NamedVersionRow> {
  const { model, name, evaluation, training } = step.inputs
  if (!model || !('tree' in model))
    throw new AppError('model_source_invalid', {
      message: 'kiban/release needs the input model: a step’s output of type model.',
    })
  if (!name || !('value' in name) || typeof name.value !== 'string')
    throw new AppError('model_source_invalid', {
      message: 'kiban/release needs the input name: the model’s name in the project file.',
    })
  const contents = await readContents(ctx, model.tree)
  const environment = step.environmentId === null ? undefined : await getEnvironment(ctx, step.environmentId)
  return registerVersion(ctx, {
    project: step.project,
    name: name.value,
    contents,
    createsModel: true,
    state: 'pending',
    origin: {
      source: `kiban:/pipelines/${step.pipelineRunId}/${step.id}`,
      runId: model.runId ?? contents.folder.runId,
      pipelineRunId: step.pipelineRunId,
      stepRunId: step.id,
      trainingVersionId: training && 'tree' in training ? (training.versionId ?? null) : null,
      trainingTree: training && 'tree' in training ? training.tree : null,
      evaluationTree: evaluation && 'tree' in evaluation ? evaluation.tree : null,
      environmentId: step.environmentId,
      environmentLock: environment?.lockHash ?? null,
      codeManifest: step.code,
    },
  })
}

async function judgeVersion(ctx: Ctx, step: Step, version: NamedVersionRow): Promise<Advanced> {
  const model = await modelOf(ctx, version)
  const spec = specOf(model)
  const known = State.safeParse(step.state)
  const championId = known.success
    ? known.data.champion
    : ((await findAlias(ctx.db, model.id, ALIAS))?.version_id ?? null)
  const state = { champion: championId }
  const champion = championId === null ? null : ((await findVersionById(ctx.db, championId)) ?? null)
  const contents = await readContents(ctx, version.manifest)
  const { evaluation } = step.inputs
  const tree = evaluation && 'tree' in evaluation ? evaluation : undefined
  const problem = cannotEvaluate(spec, contents, tree !== undefined)
  let result: EvaluationResult | null = null
  let failure = problem
  let parity: Evidence['parity'] = null
  if (tree !== undefined && spec.target !== undefined && contents.folder.onnxPath !== null) {
    const scored = await scoreRows(ctx, { version, champion, spec, contents, evaluation: tree.tree })
    if (typeof scored === 'string') return wait(scored, state)
    if (scored.job.state === 'succeeded') {
      result = await readEvaluation(ctx, scored.job)
      const compared = await compareWithPython(ctx, {
        version,
        spec,
        contents,
        sample: treeOf(scored.job, 'sample'),
        served: await readServedAnswers(ctx, scored.job),
      })
      if (typeof compared === 'string') return wait(compared, state)
      parity = compared
    } else failure = `The evaluation did not finish: ${scored.job.message ?? scored.job.cause ?? scored.job.state}`
  }
  const body = composeEvidence(ctx, {
    spec,
    version,
    champion,
    evaluation: tree ? { tree: tree.tree, uri: tree.uri ?? null } : null,
    result,
    problem: failure,
    parity,
  })
  return decide(ctx, { version, champion, spec, body, result })
}

/** Why a gate cannot be judged at all; null when it can, or when there is none. */
function cannotEvaluate(spec: StoredSpec, contents: Contents, hasRows: boolean): string | null {
  if (!spec.gate) return null
  if (!hasRows) return 'The gate needs rows: give kiban/release the input evaluation.'
  if (spec.target === undefined)
    return 'The gate needs the column with the truth: set target in the project file’s models.'
  if (contents.folder.onnxPath === null)
    return 'The gate needs an ONNX file in the model’s folder: the platform never runs a model’s own code. Save it as the flavour onnx too.'
  return null
}

type Scoring = {
  version: NamedVersionRow
  champion: NamedVersionRow | null
  spec: StoredSpec
  contents: Contents
  evaluation: string
}

async function scoreRows(ctx: Ctx, { version, champion, spec, contents, evaluation }: Scoring) {
  const championFolder = champion ? (await readContents(ctx, champion.manifest)).folder : undefined
  const models = [
    { name: nameOf(version), input: 'candidate', folder: contents.folder },
    ...(champion && championFolder ? [{ name: nameOf(champion), input: 'champion', folder: championFolder }] : []),
  ]
  const request = evaluationRequest({
    spec,
    models,
    production: champion ? nameOf(champion) : null,
    sampleRows: spec.gate?.parity === false ? 0 : PARITY_ROWS,
    importances: true,
  })
  const id = await inTransaction(ctx, (ctx) =>
    submitEvaluation(ctx, {
      project: version.project,
      owner: { kind: 'model_version', id: version.id },
      name: `evaluate ${version.name} v${version.number}${champion ? ` against v${champion.number}` : ''}`,
      trees: { candidate: version.manifest, evaluation, ...(champion ? { champion: champion.manifest } : {}) },
      request,
    }),
  )
  const job = await endedJob(ctx, id)
  return typeof job === 'string' ? job : { job }
}

async function compareWithPython(
  ctx: Ctx,
  input: {
    version: NamedVersionRow
    spec: StoredSpec
    contents: Contents
    sample: string
    served: Awaited<ReturnType<typeof readServedAnswers>>
  },
): Promise<Evidence['parity'] | string> {
  const { version, spec, contents } = input
  const tolerance = spec.gate?.parity ?? 1e-4
  if (tolerance === false) return null
  const none = (reason: string): Evidence['parity'] => ({
    rows: 0,
    nullRows: 0,
    maxDifference: null,
    tolerance,
    verdict: 'not_applicable',
    reason,
  })
  if (!contents.folder.runsCode) return none('There is no Python model to compare with: the version is ONNX only.')
  const environmentId = version.environment_id
  if (environmentId === null) return none('The step names no environment in which the Python model could be loaded.')
  const id = await inTransaction(ctx, (ctx) =>
    submitParity(ctx, {
      project: version.project,
      owner: { kind: 'model_version', id: version.id },
      name: `parity ${version.name} v${version.number}`,
      model: version.manifest,
      sample: input.sample,
      environmentId,
    }),
  )
  const job = await endedJob(ctx, id)
  if (typeof job === 'string') return job
  if (job.state !== 'succeeded')
    return {
      ...none('')!,
      verdict: 'failed',
      rows: input.served.answers.length,
      nullRows: input.served.nullRows,
      reason: `The Python model could not be asked: ${job.message ?? job.cause ?? job.state}`,
    }
  return compareAnswers(input.served, await readPythonAnswers(ctx, job), tolerance)
}

async function decide(
  ctx: Ctx,
  input: {
    version: NamedVersionRow
    champion: NamedVersionRow | null
    spec: StoredSpec
    body: ReturnType<typeof composeEvidence>
    result: EvaluationResult | null
  },
): Promise<Advanced> {
  const { version, champion, spec, body, result } = input
  const approvers = spec.gate?.approvers ?? []
  try {
    return await inTransaction(ctx, async (ctx) => {
      const evidence = await storeEvidence(ctx, version.id, body)
      const event = body.verdict === 'failed' ? 'failed' : approvers.length > 0 ? 'needs_approval' : 'passed'
      const to = nextState(version.state, event)
      if (!to) throw new Error(`a version cannot be ${event} while it is ${version.state}`)
      await updateVersionRow(ctx.db, version.id, {
        state: to,
        state_reason: body.reason,
        updated_at: ctx.clock.now(),
        ...(result?.importances
          ? { importances: JSON.stringify(result.importances.items), importance_metric: result.importances.metric }
          : {}),
      })
      await recordAudit(ctx, {
        action: 'gate.decide',
        resource: { kind: 'model_version', id: version.id },
        project: version.project,
        after: { verdict: body.verdict, state: to, evidence: evidence.digest },
      })
      emit(ctx, { topic: `projects/${version.project}/models`, kind: 'model_version.updated', id: version.id })
      if (to === 'awaiting_approval')
        return wait(
          `${version.name} v${version.number} passed its checks and waits for approval by ${approvers.join(', ')}`,
          null,
        )
      if (to === 'ready')
        await moveAlias(ctx, {
          version: { ...version, state: to },
          alias: ALIAS,
          expected: champion?.id ?? null,
          reason: body.reason,
        })
      const row = await findVersionById(ctx.db, version.id)
      if (!row) throw new Error('a version is never deleted while it is judged')
      return outcome(row)
    })
  } catch (error) {
    // Somebody moved production meanwhile: nothing of the above is committed; compare with the new champion.
    if (error instanceof AppError && error.code === 'alias_moved')
      return wait('production moved meanwhile: the version is compared again, with the new champion', null)
    throw error
  }
}

/** The step goes on after the approval: production moves if it is still where it was when the evidence was made. */
async function releaseApproved(ctx: Ctx, version: NamedVersionRow): Promise<Advanced> {
  const evidence = await newestEvidence(ctx, version.id)
  const model = await modelOf(ctx, version)
  const current = await findAlias(ctx.db, model.id, ALIAS)
  const expected = evidence?.champion?.version ?? null
  if ((current?.number ?? null) !== expected) {
    const reason = `production moved to ${current ? `v${current.number}` : 'nothing'} while the version waited, so what was approved no longer holds. Run the pipeline again.`
    await inTransaction(ctx, (ctx) =>
      updateVersionRow(ctx.db, version.id, { state: 'refused', state_reason: reason, updated_at: ctx.clock.now() }),
    )
    return outcome({ ...version, state: 'refused', state_reason: reason })
  }
  await inTransaction(ctx, (ctx) =>
    moveAlias(ctx, {
      version,
      alias: ALIAS,
      expected: current?.version_id ?? null,
      reason: `approved; ${evidence?.reason ?? ''}`,
    }),
  )
  return outcome({ ...version, state: 'released' })
}
