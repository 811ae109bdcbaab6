import { z } from 'zod'
import { CheckSpec } from '@kiban/contract/project-file/serving-schema'
import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import type { RegisteredModelRow } from './models.store.ts'

/** The model's part of the project file, as far as the registry uses it. */
export const StoredSpec = z.object({
  task: z.enum(['classification', 'regression', 'ranking', 'forecasting', 'other']).optional(),
  target: z.string().optional(),
  key: z.array(z.string()).default([]),
  timestamp: z.string().optional(),
  threshold: z.number().default(0.5),
  slices: z.array(z.string()).default([]),
  gate: z
    .object({
      checks: z.array(CheckSpec),
      minRows: z.number().int().default(100),
      parity: z.union([z.literal(false), z.number().positive()]).default(1e-4),
      approvers: z.array(z.string()).default([]),
      count: z.number().int().default(1),
    })
    .optional(),
})
export type StoredSpec = z.infer<typeof StoredSpec>

/** The spec of a model; one that only a client registered has defaults and no gate. */
export function specOf(model: RegisteredModelRow): StoredSpec {
  return StoredSpec.parse(model.spec === null ? {} : JSON.parse(model.spec))
}

/** Digest of the rules that a version is judged by. */
export function policyDigest(spec: StoredSpec): string {
  return sha256(
    canonicalJson({
      gate: spec.gate ?? null,
      target: spec.target ?? null,
      task: spec.task ?? null,
      threshold: spec.threshold,
    }),
  )
}
