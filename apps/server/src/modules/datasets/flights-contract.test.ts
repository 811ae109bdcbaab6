import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseContract } from './parse-contract.ts'
import { runChecks } from './run-checks.ts'

const EXAMPLE = join(import.meta.dirname, '../../../../../examples/flights')

async function check(dataset: string) {
  const names = readdirSync(join(EXAMPLE, 'data'))
    .filter((name) => name.startsWith(`${dataset}-2013-`))
    .sort()
  const files = names.map((name) => ({
    path: name,
    hash: '',
    file: join(EXAMPLE, 'data', name),
    format: 'parquet' as const,
    gzip: false,
  }))
  const contract = parseContract(readFileSync(join(EXAMPLE, `${dataset}.odcs.yaml`), 'utf8'), {
    file: `${dataset}.odcs.yaml`,
    dataset,
  })
  const run = await runChecks(contract, { files, onFail: 'block', key: [] })
  return {
    run,
    violated: Object.fromEntries(
      run.findings
        .filter((finding) => finding.violations > 0)
        .map((finding) => [finding.check.rule, finding.violations]),
    ),
  }
}

test('the flights of 2013 break exactly the rules that are known to be broken', async () => {
  const { run, violated } = await check('flights')
  expect(run.rows).toBe(336_776)
  expect(run.findings.filter((finding) => finding.error !== null)).toEqual([])
  expect(violated).toEqual({
    distance_plausible: 1,
    dep_time_on_the_clock: 29,
    arr_time_on_the_clock: 150,
    cancelled_of_day: 17,
    dest_seen_before: 971,
  })
  const days = run.findings.find((finding) => finding.check.rule === 'cancelled_of_day')
  expect(days?.samples.slice(0, 2)).toEqual([
    { year: 2013, month: 2, day: 9, value: expect.closeTo(57.5, 1) },
    { year: 2013, month: 2, day: 8, value: expect.closeTo(50.8, 1) },
  ])
  const distance = run.findings.find((finding) => finding.check.rule === 'distance_plausible')
  expect(distance?.samples).toEqual([
    { year: 2013, month: 7, day: 27, carrier: 'US', flight: 1632, origin: 'EWR', distance: 17 },
  ])
})

test('the weather of 2013 has one impossible wind, six thin station-days and three repeated local hours', async () => {
  const { run, violated } = await check('weather')
  expect(run.rows).toBe(26_115)
  expect(violated).toEqual({ wind_speed_possible: 1, hours_of_day: 6, local_hour_unique: 3 })
  const thin = run.findings.find((finding) => finding.check.rule === 'hours_of_day')
  expect(thin?.samples.map((sample) => [sample['local_day'], sample['value']])).toEqual([
    ['2013-12-31', 0],
    ['2013-12-31', 0],
    ['2013-12-31', 0],
    ['2013-12-30', 19],
    ['2013-12-30', 19],
    ['2013-12-30', 19],
  ])
})
