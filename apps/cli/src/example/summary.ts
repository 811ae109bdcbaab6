import { monthLabel } from './calendar.ts'
import { EXPECTED, TOLERANCE } from './expected.ts'
import type { Life } from './life.ts'
import { monthsOf } from './steps.ts'

export type Figure = {
  readonly what: string
  readonly value: string
  readonly expected: string
  /** Within the tolerance; null where nothing is expected. */
  readonly ok: boolean | null
  /** Where in the UI and API the figure is. */
  readonly from: string
}

/** Reads every figure of the example back from the platform, with what is expected beside it. */
export async function readFigures(life: Life): Promise<readonly Figure[]> {
  const { client, project } = life
  const figures: Figure[] = await dataFigures(life)
  for (const [number, expected] of [
    [1, EXPECTED.v1],
    [2, EXPECTED.v2],
  ] as const) {
    const version = await client.getModelVersion({ project, model: 'delay', version: String(number) })
    for (const metric of ['auc', 'log_loss', 'ece', 'f1'] as const) {
      const value = version.metrics[metric]
      if (value === undefined || value === null) continue
      figures.push(
        near(
          `v${number} hold-out ${metric}`,
          value,
          expected[metric],
          TOLERANCE[metric],
          `model delay ${number}, gate`,
        ),
      )
    }
  }
  const { windows } = await client.listMonitorWindows({ project, monitor: 'delays', grain: 'window' })
  for (const month of [4, 5, 6, 7, 8, 9, 10, 11, 12]) {
    const label = monthLabel(month)
    const window = windows.find((one) => one.label === label)
    if (window === undefined) continue
    const detail = await client.getMonitorWindow({ project, monitor: 'delays', window: window.id })
    const ece = detail.values.find(
      (one) => one.metric === 'ece' && one.slice === null && one.modelVersion === null,
    )?.value
    const expected = EXPECTED.eceOfMonth[label]
    if (typeof ece !== 'number') continue
    figures.push(
      expected === undefined
        ? plain(`${label} ece`, ece.toFixed(3), 'monitor delays')
        : near(`${label} ece`, ece, expected, TOLERANCE.ece, 'monitor delays'),
    )
  }
  const coverage = weighted(windows)
  if (coverage !== undefined)
    figures.push(near('label coverage', coverage, EXPECTED.labelCoverage, 0.005, 'monitor delays'))
  const { alerts } = await client.listAlerts({ project, monitor: 'delays' })
  const first = alerts
    .filter((one) => one.signal === 'performance')
    .map((one) => one.windowLabel)
    .toSorted()[0]
  figures.push({
    what: 'first alert',
    value: first ?? 'none',
    expected: EXPECTED.alertMonth,
    ok: first === EXPECTED.alertMonth,
    from: 'monitor delays, alerts',
  })
  const versions = await client.listModelVersions({ project, model: 'delay' })
  for (const [number, expected] of [
    [3, 'refused'],
    [4, 'rolled_back'],
  ] as const) {
    const state = versions.items.find((one) => one.number === number)?.state ?? 'none'
    figures.push({
      what: `v${number} is`,
      value: state,
      expected,
      ok: state === expected,
      from: `model delay ${number}`,
    })
  }
  const { runs } = await client.listPipelineRuns({ project, pipeline: 'compare', limit: 1 })
  const run = runs[0] === undefined ? undefined : await client.getPipelineRun({ project, run: runs[0].id })
  for (const month of monthsOf(run?.steps.find((step) => step.name === 'compare')?.outputs['report']?.value))
    figures.push(
      plain(
        `${month.month} v1 → v2`,
        `auc ${month.first.auc.toFixed(3)} → ${month.second.auc.toFixed(3)}, log-loss ${month.first.log_loss.toFixed(3)} → ${month.second.log_loss.toFixed(3)}${month.better === 'first' ? '  (v2 is worse)' : ''}`,
        'pipeline compare',
      ),
    )
  return figures
}

/** What the contracts found: counts, so exact. */
async function dataFigures(life: Life): Promise<Figure[]> {
  const { client, project } = life
  const figures: Figure[] = []
  const { versions } = await client.listDatasetVersions({ project, dataset: 'flights', limit: 1000 })
  const blocked = versions.find((one) => one.state === 'blocked')
  if (blocked !== undefined) {
    const { results } = await client.getDatasetChecks({ project, dataset: 'flights', version: String(blocked.number) })
    for (const [rule, expected] of Object.entries(EXPECTED.brokenMonth)) {
      const value = results.find((one) => one.rule === rule)?.violations ?? 0
      figures.push(exact(`broken month: ${rule}`, value, expected, `dataset flights ${blocked.number}, checks`))
    }
  }
  const weather = await client.getDatasetVersion({ project, dataset: 'weather', version: 'usable' })
  const { results } = await client.getDatasetChecks({ project, dataset: 'weather', version: String(weather.number) })
  const from = `dataset weather ${weather.number}, checks`
  const found = (rule: string) => results.find((one) => one.rule === rule)?.violations ?? 0
  figures.push(exact('impossible wind speeds', found('wind_speed_possible'), EXPECTED.impossibleWind, from))
  figures.push(exact('station-days without weather', found('hours_of_day'), EXPECTED.outageStationDays, from))
  return figures
}

function exact(what: string, value: number, expected: number, from: string): Figure {
  return { what, value: String(value), expected: String(expected), ok: value === expected, from }
}

function near(what: string, value: number, expected: number, tolerance: number, from: string): Figure {
  return {
    what,
    value: value.toFixed(4),
    expected: `${expected} ± ${tolerance}`,
    ok: Math.abs(value - expected) <= tolerance,
    from,
  }
}

function plain(what: string, value: string, from: string): Figure {
  return { what, value, expected: '', ok: null, from }
}

function weighted(windows: readonly { readonly rows: number; readonly labelledRows: number }[]): number | undefined {
  const rows = windows.reduce((sum, one) => sum + one.rows, 0)
  return rows === 0 ? undefined : windows.reduce((sum, one) => sum + one.labelledRows, 0) / rows
}
