import type { Json } from '@kiban/contract/primitives'
import { renderCommand, renderText } from '@kiban/contract/project-file'
import type { PathText, Scope } from '@kiban/contract/project-file'
import type { JobSpec, JobText } from '../jobs/index.ts'

/** A trial's job before the sampler has spoken: everything but the values, owner, name and MLflow run. */
export type TrialTemplate = {
  readonly job: Omit<JobSpec, 'name' | 'owner' | 'runId' | 'argv' | 'script'>
  readonly run: string | readonly (string | number)[]
  /** Texts of `env` that use `trial`. */
  readonly env: Readonly<Record<string, string>>
  readonly scope: Scope
}

/** The command and variables of one trial. Throws `ExpressionError`. */
export function trialCommand(
  template: TrialTemplate,
  number: number,
  values: Readonly<Record<string, Json>>,
): Pick<JobSpec, 'argv' | 'script' | 'env' | 'params'> {
  const scope = { ...template.scope, trial: { ...values, number } }
  const command = renderCommand(template.run, scope)
  const rendered = Object.entries(template.env).map(([name, text]): [string, PathText] => [
    name,
    renderText(text, scope),
  ])
  const texts = Object.entries({ ...Object.fromEntries(rendered), ...command.variables }).map(
    ([name, text]): [string, JobText] => [name, jobText(text)],
  )
  const env = { ...template.job.env, ...Object.fromEntries(texts) }
  const given = template.job.params
  const params = { ...(typeof given === 'object' && given !== null && !Array.isArray(given) ? given : {}), ...values }
  return command.argv ? { argv: command.argv.map(jobText), env, params } : { script: command.script, env, params }
}

function jobText(text: PathText): JobText {
  return typeof text === 'string' ? text : [...text]
}
