import { z } from 'zod'
import { JobOutput } from '@kiban/contract/jobs'
import type { SweepState } from '@kiban/contract/tuning'
import type { Ctx } from '@kiban/kit/context'
import { getSweepRow, listTrialRows } from './tuning.store.ts'
import type { SweepRow, TrialRow } from './tuning.store.ts'

export type SweepResult = {
  readonly state: SweepState
  readonly cause: string | null
  readonly message: string | null
  /** `5 of 8 trials, best log_loss 0.463`. */
  readonly progress: string
  readonly best: {
    readonly number: number
    readonly runId: string | null
    readonly outputs: Readonly<Record<string, z.infer<typeof JobOutput>>>
    readonly metrics: Readonly<Record<string, number>>
  } | null
}

const Outputs = z.record(z.string(), JobOutput)
const Metrics = z.record(z.string(), z.number())

/** How a sweep stands; `best` is there as soon as one trial succeeded. Throws `sweep_not_found`. */
export async function getSweepResult(ctx: Ctx, id: string): Promise<SweepResult> {
  const sweep = await getSweepRow(ctx.db, id)
  const trials = await listTrialRows(ctx.db, id)
  const best = bestTrial(sweep, trials)
  const ended = trials.filter((trial) => trial.state !== 'running').length
  return {
    state: sweep.state,
    cause: sweep.cause,
    message: sweep.message,
    progress: `${ended} of ${sweep.trials} trials${best ? `, best ${sweep.metric} ${Number(best.objective?.toPrecision(4))}` : ''}`,
    best: best
      ? {
          number: best.number,
          runId: best.run_id,
          outputs: Outputs.parse(JSON.parse(best.outputs)),
          metrics: Metrics.parse(JSON.parse(best.metrics)),
        }
      : null,
  }
}

/** The succeeded trial with the best objective; of equals the first. */
export function bestTrial(sweep: Pick<SweepRow, 'direction'>, trials: readonly TrialRow[]): TrialRow | undefined {
  const sign = sweep.direction === 'minimize' ? 1 : -1
  return trials
    .filter((trial) => trial.state === 'succeeded' && trial.objective !== null)
    .toSorted((a, b) => sign * ((a.objective ?? 0) - (b.objective ?? 0)) || a.number - b.number)[0]
}
