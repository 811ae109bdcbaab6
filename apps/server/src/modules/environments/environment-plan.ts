import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import { z } from 'zod'
import type { Python } from './find-python.ts'
import type { Requirements } from './requirements.ts'

/** What a build is to make, all of it read and resolved: it can be built again from this alone. */
export const EnvironmentPlan = z.object({
  python: z.object({ executable: z.string(), version: z.string(), implementation: z.string() }),
  platform: z.string(),
  lines: z.array(z.string()),
  constraints: z.array(z.string()),
  options: z.array(z.string()),
})
export type EnvironmentPlan = z.infer<typeof EnvironmentPlan>

export function planOf(python: Python, requirements: Requirements): EnvironmentPlan {
  return {
    python: { ...python },
    platform: `${process.platform}-${process.arch}`,
    lines: [...requirements.lines],
    constraints: [...requirements.constraints],
    options: [...requirements.options],
  }
}

/** The name of a build: equal for all that ask for the same, whatever project, name or file it stands in. */
export function specHashOf(plan: EnvironmentPlan): string {
  const { executable: _path, ...python } = plan.python
  return sha256(
    canonicalJson({ ...plan, python, lines: [...plan.lines].sort(), constraints: [...plan.constraints].sort() }),
  )
}

/** What really was installed: interpreter, platform, every package with its version. */
export function lockHashOf(plan: EnvironmentPlan, packages: readonly { name: string; version: string }[]): string {
  const { executable: _path, ...python } = plan.python
  return sha256(
    canonicalJson({
      python,
      platform: plan.platform,
      packages: packages.map(({ name, version }) => `${name}==${version}`),
    }),
  )
}
