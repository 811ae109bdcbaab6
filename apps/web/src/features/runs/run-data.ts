import { useQueries } from '@tanstack/react-query'
import { call, type AnswerOf } from '../../lib/api.ts'

export type RunCell = AnswerOf<'getRunCells'>['runs'][number]

/** Rows asked for in one piece; the server allows 200. */
const CHUNK = 100

/** Cells of the runs in view (±1 chunk), asked for in pieces and kept. `undefined`: not here yet. */
export function useCells(
  project: string,
  ids: readonly string[],
  from: number,
  to: number,
  keys: { metrics: readonly string[]; params: readonly string[] },
): ReadonlyMap<string, RunCell> {
  const first = Math.max(0, Math.floor(from / CHUNK))
  const last = Math.min(Math.floor(Math.max(0, ids.length - 1) / CHUNK), Math.floor(to / CHUNK))
  const chunks =
    ids.length === 0
      ? []
      : Array.from({ length: last - first + 1 }, (_, index) =>
          ids.slice((first + index) * CHUNK, (first + index + 1) * CHUNK),
        )
  return useQueries({
    queries: chunks.map((chunk) => ({
      queryKey: ['getRunCells', project, chunk, keys],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call(
          'getRunCells',
          { project, ids: [...chunk], metrics: [...keys.metrics], params: [...keys.params], tags: [] },
          signal,
        ),
      staleTime: 10_000,
    })),
    combine: (results) =>
      new Map(results.flatMap((result) => result.data?.runs.map((run) => [run.id, run] as const) ?? [])),
  })
}

/** Whether smaller is better, by the name of the metric: losses, errors, latencies. */
export function isSmallerBetter(metric: string): boolean {
  return /loss|error|err\b|rmse|mae|mse|mape|ece|brier|latency|perplexity|_ms$|time|difference|drift/i.test(metric)
}

const SERIES = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'] as const

/** The colour of the n-th visible run; past eight all are grey. */
export function seriesColour(index: number): string {
  return SERIES[index] ?? 'cr'
}
