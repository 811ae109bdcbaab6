import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { Pins, parseDefinition } from './definition.ts'
import { getPipelineById, getRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { checkSteps, insertPipelineRun } from './start-pipeline-run.ts'
import { downstreamOf } from './step-graph.ts'

const Values = z.record(z.string(), Json)

/**
 * A new run with the file, code, parameters and versions of an older one. `from` computes that step and all after it again, `recompute`
 * single steps, `noCache` all. Throws `pipeline_run_not_found`, `pipeline_step_not_found`.
 */
export async function rerunPipelineRun(
  ctx: Ctx,
  project: string,
  id: string,
  options: { readonly from?: string | undefined; readonly recompute: readonly string[]; readonly noCache: boolean },
): Promise<PipelineRunRow> {
  const run = await getRun(ctx.db, project, id)
  const definition = parseDefinition(run.definition)
  checkSteps(definition, [...options.recompute, ...(options.from === undefined ? [] : [options.from])])
  const after = options.from === undefined ? [] : downstreamOf(definition.spec, options.from)
  const facts = Values.parse(JSON.parse(run.trigger_facts))
  return insertPipelineRun(ctx, {
    pipeline: await getPipelineById(ctx.db, run.pipeline_id),
    definition: run.definition,
    definitionValue: definition,
    code: run.code_manifest,
    revisionId: run.revision_id,
    params: Values.parse(JSON.parse(run.params)),
    pins: Pins.parse(JSON.parse(run.pins)),
    trigger: { kind: 'rerun', id: newId('call'), facts },
    rerunOf: run.id,
    recompute: new Set(options.noCache ? Object.keys(definition.spec.steps) : [...after, ...options.recompute]),
  })
}
