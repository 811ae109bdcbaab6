import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newHexId } from '@kiban/kit/ids'
import { checkLength, LIMITS, withoutNul } from './limits.ts'
import { insertRunDataset, insertRunModels, upsertLoggedDataset } from './run-inputs.store.ts'
import type { KeyValue, RunRow } from './runs.store.ts'
import { badValue } from './tracking-error.ts'

export type DatasetInput = {
  readonly name: string
  readonly digest: string
  readonly sourceType: string
  readonly source: string
  readonly schema: string | undefined
  readonly profile: string | undefined
  readonly tags: readonly KeyValue[]
}

const CONTEXT_TAG = 'mlflow.data.context'

/** Records the data sets and models that a run used, and the models that it made. Throws `tracking_invalid`. */
export async function logInputs(
  ctx: Ctx,
  run: RunRow,
  input: {
    datasets: readonly DatasetInput[]
    inputModels: readonly string[]
    outputModels: readonly { modelId: string; step: number }[]
  },
): Promise<void> {
  input.datasets.forEach(checkDataset)
  await inTransaction(ctx, async (ctx) => {
    for (const [position, dataset] of input.datasets.entries()) {
      const id = await upsertLoggedDataset(ctx.db, {
        id: newHexId(),
        project: run.project,
        experiment_id: run.experiment_id,
        name: withoutNul(dataset.name),
        digest: withoutNul(dataset.digest),
        source_type: withoutNul(dataset.sourceType),
        source: withoutNul(dataset.source),
        schema: dataset.schema === undefined ? null : withoutNul(dataset.schema),
        profile: dataset.profile === undefined ? null : withoutNul(dataset.profile),
      })
      const tags = Object.fromEntries(dataset.tags.map((tag) => [tag.key, tag.value]))
      await insertRunDataset(ctx.db, {
        run_seq: run.seq,
        dataset_id: id,
        position,
        context: tags[CONTEXT_TAG] ?? null,
        tags: JSON.stringify(tags),
      })
    }
    await insertRunModels(ctx.db, [
      ...input.inputModels.map((model_id, position) => ({
        run_seq: run.seq,
        model_id,
        direction: 'input' as const,
        step: 0,
        position,
      })),
      ...input.outputModels.map(({ modelId, step }, position) => ({
        run_seq: run.seq,
        model_id: modelId,
        direction: 'output' as const,
        step,
        position,
      })),
    ])
    emit(ctx, { topic: `projects/${run.project}/runs`, kind: 'run.updated', id: run.id })
  })
}

function checkDataset(dataset: DatasetInput, i: number): void {
  const at = `datasets[${i}].dataset`
  for (const [what, value, limit, field] of [
    ['name', dataset.name, LIMITS.datasetName, `${at}.name`],
    ['digest', dataset.digest, LIMITS.datasetDigest, `${at}.digest`],
    ['source', dataset.source, LIMITS.datasetSource, `${at}.source`],
    ['schema', dataset.schema ?? '', LIMITS.datasetSchema, `${at}.schema`],
    ['profile', dataset.profile ?? '', LIMITS.datasetProfile, `${at}.profile`],
  ] as const)
    checkLength(`'Dataset ${what}'`, value, limit, field)
  for (const [what, value, field] of [
    ['name', dataset.name, `${at}.name`],
    ['digest', dataset.digest, `${at}.digest`],
    ['source_type', dataset.sourceType, `${at}.source_type`],
  ] as const)
    if (value === '')
      throw badValue(
        `Missing value for required parameter '${field}'. See the API docs for more information about request parameters.`,
        { field, what },
      )
  dataset.tags.forEach((tag, t) => {
    checkLength("'Input tag key'", tag.key, LIMITS.inputTagKey, `datasets[${i}].tags[${t}].key`)
    checkLength("'Input tag value'", tag.value, LIMITS.inputTagValue, `datasets[${i}].tags[${t}].value`)
  })
}
