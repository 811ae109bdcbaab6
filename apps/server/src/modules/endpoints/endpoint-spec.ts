import { z } from 'zod'
import { RolloutStrategy } from '@kiban/contract/endpoints'
import { durationMs, parseSize } from '@kiban/contract/project-file'
import type { ProjectFile } from '@kiban/contract/project-file'
import { AppError } from '@kiban/kit/errors'
import { DEFAULT_JUDGE, isJudgeMetric } from './judge.ts'

/** An endpoint's settings, resolved: durations in ms, sizes in bytes, defaults filled in. Stored as JSON. */
export const StoredSpec = z.object({
  model: z.string(),
  stickyBy: z.string().nullable(),
  key: z.array(z.string()),
  timestamp: z.string().nullable(),
  log: z.object({ sample: z.number(), mask: z.array(z.string()), hash: z.array(z.string()) }).nullable(),
  timeoutMs: z.number(),
  maxBodyBytes: z.number(),
  batching: z.object({ maxSize: z.number(), maxDelayMs: z.number() }),
  rollout: z.object({
    strategy: RolloutStrategy,
    steps: z.array(z.number()),
    bakeMs: z.number(),
    maxBakeMs: z.number(),
    minRequests: z.number(),
    onNotEnough: z.enum(['pause', 'promote', 'rollback']),
    manual: z.boolean(),
    fallback: z.boolean(),
    keepOldMs: z.number(),
    judge: z.array(
      z.object({
        metric: z.string(),
        max: z.number().optional(),
        notWorseThan: z.string().optional(),
        tolerance: z.union([z.number(), z.string()]),
      }),
    ),
  }),
})
export type StoredSpec = z.infer<typeof StoredSpec>
export type StoredRollout = StoredSpec['rollout']

const MAX_BODY_BYTES = 64 * 1024 * 1024
const MODEL_URI = /^models:\/([^/@]+)(?:\/(\d+)|@([\w-]+))$/

/** The model, version number or alias that an endpoint's URI names; undefined for no such URI. */
export function parseModelUri(uri: string): { model: string; number?: number; alias?: string } | undefined {
  const match = MODEL_URI.exec(uri)
  if (!match?.[1]) return undefined
  if (match[2] !== undefined) return { model: match[1], number: Number(match[2]) }
  return { model: match[1], alias: match[3] ?? 'production' }
}

/** Resolves one endpoint of the project file. Throws `project_file_invalid` for what this version cannot serve. */
export function resolveSpec(file: ProjectFile, name: string): StoredSpec {
  const spec = file.endpoints[name]
  const refuse = (message: string) => new AppError('project_file_invalid', { message: `endpoints.${name}: ${message}` })
  if (!spec?.model) throw refuse('`model` is missing; name what it serves, such as models:/delay@production.')
  const target = parseModelUri(spec.model)
  if (!target)
    throw refuse(
      `\`model\` is ${JSON.stringify(spec.model)}; write models:/<model>@<alias> or models:/<model>/<number>.`,
    )
  if (spec.variants) throw refuse('`variants` are not there yet; use one `model`.')
  if (spec.runtime !== 'auto' && spec.runtime !== 'onnx')
    throw refuse(`\`runtime: ${spec.runtime}\` is not there yet; only ONNX models are served.`)
  if (spec.protocol !== 'oip')
    throw refuse('`protocol: http` is not there yet; endpoints speak the Open Inference Protocol.')
  const maxBodyBytes = spec.access?.maxBody === undefined ? MAX_BODY_BYTES : parseSize(spec.access.maxBody)
  if (maxBodyBytes === undefined || maxBodyBytes < 1 || maxBodyBytes > MAX_BODY_BYTES)
    throw refuse('`access.maxBody` must be at most 64Mi.')
  const model = file.models[target.model]
  const rollout = spec.rollout
  for (const check of rollout?.judge ?? []) {
    if (!isJudgeMetric(check.metric))
      throw refuse(
        `the judge of a roll-out knows error_rate and latency_p50 … latency_p99, not ${JSON.stringify(check.metric)}.`,
      )
    if (check.max === undefined && check.notWorseThan !== 'running')
      throw refuse(`the judge's check of ${check.metric} needs \`max\` or \`notWorseThan: running\`.`)
  }
  return StoredSpec.parse({
    model: spec.model,
    stickyBy: spec.stickyBy ?? null,
    key: model?.key ?? [],
    timestamp: model?.timestamp ?? null,
    log:
      spec.log === false
        ? null
        : { sample: spec.log?.sample ?? 1, mask: spec.log?.mask ?? [], hash: spec.log?.hash ?? [] },
    timeoutMs: durationMs(spec.timeout),
    maxBodyBytes,
    batching: { maxSize: spec.batching?.maxSize ?? 64, maxDelayMs: durationMs(spec.batching?.maxDelay ?? '0ms') },
    rollout: {
      strategy: rollout?.strategy ?? 'all_at_once',
      steps: rollout?.steps ?? [10, 50, 100],
      bakeMs: durationMs(rollout?.bake ?? '10m'),
      maxBakeMs: Math.max(durationMs(rollout?.maxBake ?? '1h'), durationMs(rollout?.bake ?? '10m')),
      minRequests: rollout?.minRequests ?? 200,
      onNotEnough: rollout?.onNotEnough ?? 'pause',
      manual: rollout?.manual ?? false,
      fallback: rollout?.fallback ?? true,
      keepOldMs: durationMs(rollout?.keepOld ?? '1h'),
      judge: rollout?.judge ?? DEFAULT_JUDGE,
    },
  })
}
