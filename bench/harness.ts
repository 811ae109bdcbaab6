// What every benchmark shares: contestants are run in turn, several rounds in one run, on the same machine; the table shows medians and
// the ratio to ours. Tests never assert times; benches never assert anything.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname } from 'node:path'

/** One thing that is measured: what it is, its unit, and whether less is better. */
export type Measure = { readonly name: string; readonly unit: string; readonly lessIsBetter: boolean }

/** One system under test. `run` starts it, measures and stops it; a missing measure is left out of the table. */
export type Contestant = {
  readonly name: string
  readonly run: (round: number) => Promise<Readonly<Record<string, number>>>
}

/** Runs the contestants alternately, prints a table of medians and ratios (ours is the first), and writes everything as JSON. */
export async function race(options: {
  title: string
  measures: readonly Measure[]
  contestants: readonly Contestant[]
  rounds: number
  jsonFile: string
}): Promise<void> {
  const loadBefore = loadavg()
  const values = new Map<string, number[]>()
  for (let round = 0; round < options.rounds; round++)
    for (const contestant of options.contestants) {
      process.stderr.write(`round ${round + 1} of ${options.rounds}: ${contestant.name}\n`)
      for (const [measure, value] of Object.entries(await contestant.run(round))) {
        const key = `${contestant.name}\n${measure}`
        values.set(key, [...(values.get(key) ?? []), value])
      }
    }
  const loadAfter = loadavg()
  const of = (contestant: Contestant, measure: Measure) => values.get(`${contestant.name}\n${measure.name}`) ?? []
  const [ours] = options.contestants
  if (!ours) throw new Error('nobody to race')
  process.stdout.write(
    `${options.title}\nmedian of ${options.rounds}; ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; load ${fixed(loadBefore[0])} before, ${fixed(loadAfter[0])} after\n\n`,
  )
  const header = [
    '',
    ...options.contestants.map((contestant) => contestant.name),
    ...options.contestants.slice(1).map((contestant) => `${contestant.name} : ${ours.name}`),
  ]
  const rows = options.measures.map((measure) => {
    const medians = options.contestants.map((contestant) => median(of(contestant, measure)))
    const own = medians[0]
    const ratios = medians
      .slice(1)
      .map((value) =>
        value === undefined || own === undefined ? '–' : `${fixed(measure.lessIsBetter ? value / own : own / value)}×`,
      )
    return [
      `${measure.name}, ${measure.unit}`,
      ...medians.map((value) => (value === undefined ? '–' : fixed(value))),
      ...ratios,
    ]
  })
  process.stdout.write(
    `${[header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`,
  )
  mkdirSync(dirname(options.jsonFile), { recursive: true })
  writeFileSync(
    options.jsonFile,
    `${JSON.stringify({ title: options.title, loadBefore, loadAfter, values: Object.fromEntries([...values].map(([key, all]) => [key.replace('\n', ' / '), all])) }, null, 1)}\n`,
  )
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const high = sorted[middle]
  const low = sorted[middle - 1]
  if (high === undefined) return undefined
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2
}

function fixed(value: number | undefined): string {
  return value === undefined ? '–' : Number(value.toPrecision(3)).toString()
}
