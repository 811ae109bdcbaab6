import { getManifest } from '@kiban/kit/manifests'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { ResolvedInput, StepComponent } from '@kiban/kit/module'
import { blocks } from './datasets.state.ts'
import { describeFinding, runChecks } from './run-checks.ts'
import type { Finding } from './run-checks.ts'
import { parseContract } from './parse-contract.ts'
import { tableFiles } from './table-files.ts'

/**
 * `kiban/validate`: runs a contract (a path of the project) on a dataset, and fails the step with the rules and rows that broke it.
 * Nothing is set aside here: an error of severity `error` fails whatever `onFail` says, except `warn`.
 */
export const validateStep: StepComponent = {
  inputs: { dataset: { type: 'dataset' }, contract: { type: 'string' } },
  outputs: { report: { type: 'json' } },
  advance: async (ctx, step) => {
    const dataset = step.inputs['dataset']
    const contract = step.inputs['contract']
    if (!dataset || !('tree' in dataset))
      return userError('The input `dataset` must be a dataset, such as datasets:/flights or the output of a step.')
    if (!contract || !('value' in contract) || typeof contract.value !== 'string')
      return userError('The input `contract` must be the path of a contract in the project, such as flights.odcs.yaml.')
    try {
      const findings = await validate(ctx, {
        tree: dataset.tree,
        name: nameOf(dataset),
        contract: contract.value,
        code: step.code,
      })
      const broken = findings.filter((finding) =>
        blocks({
          result:
            finding.error !== null
              ? 'error'
              : finding.holds
                ? 'holds'
                : finding.check.severity === 'error'
                  ? 'broken'
                  : 'warns',
          onFail: finding.check.onFail,
          quarantined: false,
        }),
      )
      if (broken.length > 0)
        return {
          status: 'failed',
          cause: 'user_error',
          message: `The data breaks ${contract.value}: ${broken.slice(0, 5).map(describeFinding).join('; ')}`,
        }
      return { status: 'succeeded', outputs: { report: { value: report(findings) } } }
    } catch (error) {
      if (error instanceof AppError) return userError(error.message)
      throw error
    }
  },
}

async function validate(
  ctx: Ctx,
  input: { tree: string; name: string; contract: string; code: string | null },
): Promise<readonly Finding[]> {
  const code = input.code === null ? [] : await getManifest(ctx.platform.blobs, input.code)
  const file = code.find((candidate) => candidate.path === input.contract)
  if (!file)
    throw new AppError('contract_invalid', {
      message: `The project has no file ${input.contract}. Correct the input \`contract\`, or add the file.`,
    })
  const contract = parseContract((await ctx.platform.blobs.read(file.hash)).toString('utf8'), {
    file: input.contract,
    dataset: input.name,
  })
  const tables = tableFiles(ctx.platform.blobs, await getManifest(ctx.platform.blobs, input.tree))
  if (tables.length === 0)
    throw new AppError('dataset_not_table', { message: 'The input `dataset` has no Parquet, CSV or JSON file.' })
  return (await runChecks(contract, { files: tables, onFail: 'block', key: [], signal: ctx.signal })).findings
}

function report(findings: readonly Finding[]) {
  return findings.map((finding) => ({
    rule: finding.check.rule,
    severity: finding.check.severity,
    holds: finding.holds,
    violations: finding.violations,
    measured: finding.measured,
    error: finding.error,
  }))
}

function nameOf(input: ResolvedInput): string {
  return 'uri' in input && input.uri !== undefined ? (/^datasets:\/([^/@]+)/.exec(input.uri)?.[1] ?? 'data') : 'data'
}

function userError(message: string): { status: 'failed'; cause: string; message: string } {
  return { status: 'failed', cause: 'user_error', message }
}
