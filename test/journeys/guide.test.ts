import { afterAll, expect, test } from 'vitest'
import { runGuide } from './run-guide.ts'
import type { Guide } from './run-guide.ts'

let guide: Guide | undefined
afterAll(async () => guide?.close())

test('the guide of ten minutes leads from a CSV file to a model that answers', async () => {
  guide = await runGuide('docs/guide/ten-minutes.md')
  const { client, printed } = guide
  const P = { project: 'parcels' } as const
  expect(printed.get('kiban apply')).toMatch(/\+ endpoint late/)
  expect(printed.get('kiban model versions late')).toMatch(/production/)
  const asked = [...printed].find(([command]) => command.startsWith('until kiban endpoint'))?.[1] ?? ''
  const answer = JSON.parse(asked.slice(asked.indexOf('{'))) as {
    model_version: string
    predictions: Record<string, unknown>[]
  }
  expect(answer.predictions).toHaveLength(2)
  expect(answer.predictions.map((row) => row['label'] ?? row['output_label'])).toEqual([1, 0])
  const traced = [...printed].find(([command]) => command.startsWith('kiban trace'))?.[1]
  expect(traced).toMatch(/^prediction pred_\w+-0$/m)
  expect(traced).toMatch(/parcels/)
  expect(traced).toMatch(/late/)
  expect(printed.get('kiban audit list')).toMatch(/usr_local|You/)

  const { runs } = await client.listPipelineRuns(P)
  expect(runs.map((run) => run.state)).toEqual(['succeeded', 'succeeded'])
  const second = await client.getPipelineRun({ ...P, run: runs[0]?.id ?? '' })
  expect(second.steps.find((step) => step.name === 'train')?.cache?.result).toBe('hit')
  const logged = await client.listPredictions({ ...P, endpoint: 'late', limit: 10 })
  expect(logged.items.map((each) => each.key).toSorted()).toEqual(['5001', '5002'])
})
