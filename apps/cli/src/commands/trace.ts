import type { CommandSpec } from '../command.ts'
import { arg } from '../command.ts'
import { instant } from '../print.ts'

const NOUNS: Readonly<Record<string, string>> = {
  dataset_version: 'data',
  model_version: 'model',
  code: 'code',
  environment: 'environment',
  person: 'person',
  run: 'run',
  job: 'job',
  step_run: 'step',
  pipeline_run: 'pipeline run',
  endpoint: 'endpoint',
  deployment: 'deployment',
  monitor_window: 'monitor window',
  loop_run: 'loop',
}

const SHOWN_OF_A_KIND = 6

/** `kiban trace`: from one prediction back to what it rests on, and forward to what was made of it. */
export const trace: CommandSpec = {
  name: 'trace',
  summary: 'From a prediction back to data, code, environment, run and person; and forward',
  args: ['<prediction>'],
  example: 'kiban trace pred_01-3',
  run: async ({ client, project }, input) => {
    const prediction = await client.getPrediction({ project: project(), prediction: arg(input, 0) })
    const graph = await client.getLineage({
      project: project(),
      kind: 'model_version',
      id: prediction.version.id,
      upstream: 12,
      downstream: 4,
    })
    const lines = [
      `prediction ${prediction.id}`,
      `  ${prediction.key ?? 'no key'} at ${instant(prediction.eventTime)}: ${prediction.prediction ?? 'no score'} (${prediction.status}, ${prediction.latencyMs.toFixed(1)} ms)`,
      `  answered by ${prediction.version.model} v${prediction.version.number} behind ${prediction.endpoint}`,
      'rests on',
      ...linesOf(graph.nodes.filter((node) => node.distance < 0).toSorted((a, b) => b.distance - a.distance)),
      'led to',
      ...linesOf(graph.nodes.filter((node) => node.distance > 0).toSorted((a, b) => a.distance - b.distance)),
    ]
    return { data: { prediction, lineage: graph }, text: lines.join('\n') }
  },
}

/** Nodes by line; of many of one kind the nearest, and how many there are besides. */
function linesOf(nodes: readonly { kind: string; id: string; label: string }[]): string[] {
  if (nodes.length === 0) return ['  (nothing yet)']
  return [...Map.groupBy(nodes, (node) => node.kind)].flatMap(([kind, same]) => {
    const noun = (NOUNS[kind] ?? kind).padEnd(14)
    const shown = same.slice(0, SHOWN_OF_A_KIND)
    const rest = same.length - shown.length
    return [
      ...shown.map((node) => `  ${noun}  ${node.label === node.id ? node.id : `${node.label}  ${node.id}`}`),
      ...(rest > 0 ? [`  ${noun}  … and ${rest} more (--json has them all)`] : []),
    ]
  })
}
