import type { Json, ManifestFile } from '@kiban/contract/primitives'
import {
  ExpressionError,
  looksLikeUri,
  parseTemplate,
  references,
  renderCommand,
  renderText,
  renderValue,
  rewriteScript,
  stepNeeds,
} from '@kiban/contract/project-file'
import type { PathText, Scope, StepSpec } from '@kiban/contract/project-file'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest, putManifest } from '@kiban/kit/manifests'
import { getEnvironment, requestEnvironment } from '../environments/index.ts'
import type { EnvironmentView } from '../environments/index.ts'
import type { Definition, Pins } from './definition.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { artifactIn, ownScope } from './run-scope.ts'
import type { Artifact } from './run-scope.ts'
import { selectCode } from './select-code.ts'
import type { StepRunRow } from './steps.store.ts'

export type StepInput =
  | {
      readonly tree: string
      readonly type: string
      readonly uri?: string
      readonly versionId?: string
      readonly runId?: string
      readonly stepRunId?: string
    }
  | { readonly value: Json }

/** All that is needed to key and start a step. */
export type PreparedStep = {
  readonly inputs: Readonly<Record<string, StepInput>>
  /** Step runs whose results it reads, small values included. */
  readonly reads: readonly string[]
  readonly scope: Scope
  readonly body: Json
  readonly code: { readonly hash: string; readonly files: readonly ManifestFile[] } | null
  readonly environment: EnvironmentView | null
  readonly env: Readonly<Record<string, PathText>>
  readonly secretEnv: Readonly<Record<string, string>>
  /** Texts of `env` that need a trial; a sweep renders them. */
  readonly trialEnv: Readonly<Record<string, string>>
  /** For the key: the value of each expression of the body; one that needs a trial stands as it is written. */
  readonly variables: Readonly<Record<string, PathText>>
  /** Of a sweep, as evaluated now: numbers and durations, null where the file gives none. */
  readonly budget: { readonly trials: Json; readonly time: Json; readonly parallel: Json }
}

/** The step can't start, by the user's fault; the message says what and the remedy. */
export class StepFault extends Error {}

/** Gathers what a ready step needs. Waits by returning a reason. Throws `StepFault`; writes only the request for an environment. */
export async function prepareStep(
  ctx: Ctx,
  given: {
    run: PipelineRunRow
    definition: Definition
    pins: Pins
    steps: readonly StepRunRow[]
    row: StepRunRow
    step: StepSpec
    scope: Scope
  },
): Promise<PreparedStep | { readonly reason: string; readonly environmentId: string | null }> {
  const { step, run, scope, definition } = given
  const inputs = faulty(() => resolveInputs(step, scope, given.pins))
  const project = await getManifest(ctx.platform.blobs, run.code_manifest)
  const environment = await environmentOf(ctx, given)
  if (environment && 'reason' in environment) return environment
  const code = step.run === undefined ? null : await codeOf(ctx, project, step, definition)
  const own = ownScope(scope, inputs, Object.keys(step.outputs))
  const named = stepNeeds({ ...step, needs: [] })
  const reads = [...named.required, ...named.optional]
  return {
    inputs,
    reads: given.steps.filter((other) => reads.includes(other.name)).map((other) => other.id),
    scope: own,
    body: step.sql === undefined ? (step.run ?? step.uses ?? null) : await sqlText(ctx, project, step.sql),
    code,
    environment,
    ...faulty(() => envOf(step, own)),
    variables: faulty(() => variablesOf(step, own)),
    budget: faulty(() => budgetOf(step, own)),
  }
}

function budgetOf(step: StepSpec, scope: Scope): PreparedStep['budget'] {
  const value = (written: Json | undefined): Json => (written === undefined ? null : renderValue(written, scope))
  const budget = step.sweep?.budget
  return { trials: value(budget?.trials), time: value(budget?.time), parallel: value(step.parallel) }
}

function faulty<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ExpressionError) throw new StepFault(`An expression can't be evaluated: ${error.message}.`)
    throw error
  }
}

function resolveInputs(step: StepSpec, scope: Scope, pins: Pins): Record<string, StepInput> {
  return Object.fromEntries(
    Object.entries(step.inputs).map(([name, written]): [string, StepInput] => {
      const value = renderValue(written, scope)
      const artifact = artifactIn(value)
      if (artifact) return [name, given(artifact)]
      if (typeof value !== 'string' || !looksLikeUri(value)) return [name, { value }]
      const pin = pins[value]
      if (!pin)
        throw new StepFault(
          `The input ${name} is ${value}, which was not known when the run was created. Give it as a parameter or write it in kiban.yaml.`,
        )
      return [
        name,
        {
          tree: pin.tree,
          type: pin.kind,
          uri: value,
          versionId: pin.versionId,
          ...(pin.runId === undefined ? {} : { runId: pin.runId }),
        },
      ]
    }),
  )
}

/** An artifact without its absent parts. */
function given(artifact: Artifact): StepInput {
  const { tree, type, uri, versionId, runId, stepRunId } = artifact
  return {
    tree,
    type,
    ...(uri === undefined ? {} : { uri }),
    ...(versionId === undefined ? {} : { versionId }),
    ...(runId === undefined ? {} : { runId }),
    ...(stepRunId === undefined ? {} : { stepRunId }),
  }
}

async function environmentOf(
  ctx: Ctx,
  { run, row, step }: { run: PipelineRunRow; row: StepRunRow; step: StepSpec },
): Promise<EnvironmentView | null | { readonly reason: string; readonly environmentId: string | null }> {
  if (step.environment === undefined || step.sql !== undefined) return null
  const name = step.environment
  let id = row.environment_id
  try {
    id ??= (await inTransaction(ctx, (ctx) => requestEnvironment(ctx, run.project, name, run.code_manifest))).id
    const environment = await getEnvironment(ctx, id)
    if (environment.state === 'ready') return environment
    if (environment.state === 'failed')
      throw new StepFault(`The environment ${name} could not be built. ${environment.error?.message ?? ''}`.trim())
    return {
      reason: `The environment ${name} is ${environment.state === 'building' ? 'being built' : 'waiting to be built'}.`,
      environmentId: id,
    }
  } catch (error) {
    if (error instanceof AppError) throw new StepFault(error.message)
    throw error
  }
}

async function codeOf(
  ctx: Ctx,
  project: readonly ManifestFile[],
  step: StepSpec,
  definition: Definition,
): Promise<{ hash: string; files: ManifestFile[] }> {
  const { files, unmatched } = selectCode(project, step.code, definition.sources)
  if (unmatched.length > 0)
    throw new StepFault(
      `\`code\` names ${unmatched.join(', ')}, but the project has no such file. Correct it in kiban.yaml, or add the file and apply.`,
    )
  return { hash: await putManifest(ctx.platform.blobs, files), files }
}

const MAX_SQL_BYTES = 64 * 1024

/** `sql` names a file of the project when it looks like one; else it is the text itself. */
async function sqlText(ctx: Ctx, project: readonly ManifestFile[], sql: string): Promise<string> {
  if (!/^[^\s;]+\.sql$/i.test(sql)) return sql
  const path = sql.replace(/^\.\//, '')
  const file = project.find((candidate) => candidate.path === path)
  if (!file)
    throw new StepFault(
      `\`sql\` names ${sql}, but the project has no such file. Correct the path, or add the file and apply.`,
    )
  if (file.sizeBytes > MAX_SQL_BYTES)
    throw new StepFault(
      `${sql} has ${file.sizeBytes} bytes; a SQL step has at most ${MAX_SQL_BYTES}. Split it into steps.`,
    )
  return (await ctx.platform.blobs.read(file.hash)).toString('utf8')
}

const SECRET = /^\s*\$\{\{\s*secrets\.([A-Za-z][\w-]*)\s*\}\}\s*$/

function envOf(step: StepSpec, scope: Scope): Pick<PreparedStep, 'env' | 'secretEnv' | 'trialEnv'> {
  const env: Record<string, PathText> = {}
  const secretEnv: Record<string, string> = {}
  const trialEnv: Record<string, string> = {}
  for (const [name, value] of Object.entries(step.env ?? {})) {
    const text = String(value)
    const secret = SECRET.exec(text)?.[1]
    if (secret !== undefined) secretEnv[name] = secret
    else if (step.sweep && needsTrial(text)) trialEnv[name] = text
    else env[name] = renderText(text, scope)
  }
  return { env, secretEnv, trialEnv }
}

function needsTrial(text: string): boolean {
  return parseTemplate(text).some(
    (part) => part.kind === 'expression' && references(part.expr).some((ref) => ref.context === 'trial'),
  )
}

/** The values that the body's expressions have, for the key. */
function variablesOf(step: StepSpec, scope: Scope): Record<string, PathText> {
  if (step.run === undefined) return {}
  if (step.sweep) {
    const texts =
      typeof step.run === 'string'
        ? rewriteScript(step.run).variables.map(({ source }) => `\${{ ${source} }}`)
        : step.run.map(String)
    return Object.fromEntries(
      texts.map((text, i) => [`expression ${i}`, needsTrial(text) ? text : renderText(text, scope)]),
    )
  }
  const command = renderCommand(step.run, scope)
  return command.argv ? Object.fromEntries(command.argv.map((text, i) => [`argument ${i}`, text])) : command.variables
}
