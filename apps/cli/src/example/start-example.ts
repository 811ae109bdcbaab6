import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { applyFolder } from '../apply-folder.ts'
import type { CommandContext } from '../command.ts'
import { homeOf, preflight } from '../preflight.ts'
import { table } from '../print.ts'
import { repositoryRoot } from '../project-folder.ts'
import { startServer, waitUntilReady } from '../server-process.ts'
import { Airline } from './airline.ts'
import { today } from './life.ts'
import type { Life } from './life.ts'
import { Progress } from './progress.ts'
import type { ReplayCounts } from './replay.ts'
import * as steps from './steps.ts'
import { readFigures } from './summary.ts'

const STEPS = 12

/**
 * Starts the server and lets the example live through 2013, or go on where it was interrupted; everything that it knows it reads
 * back from the platform. Stays until Ctrl-C, or ends after the summary with `exit`. Throws when something is missing or a step failed.
 */
export async function startExample(
  ctx: CommandContext,
  options: { readonly exit: boolean; readonly fresh: boolean },
): Promise<void> {
  const home = homeOf(ctx.env)
  const running = await ctx.client.getServer({}, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
  if (running !== undefined && running.home === home && !options.fresh) {
    ctx.say(`A server of this home already runs at ${ctx.url}; going on with it.`)
    await liveAndStay(ctx, options, undefined)
    return
  }
  const missing = (await preflight(ctx.env)).filter((check) => !check.ok)
  if (missing.length > 0) throw new Error(missing.map((check) => check.message).join('\n'))
  if (options.fresh && existsSync(home)) {
    const kept = `${home}.before-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-')}`
    renameSync(home, kept)
    ctx.say(`The old home is kept at ${kept}.`)
  }
  // Ctrl-C ends everything that was started, jobs included; the next start runs them again.
  const env = { ...ctx.env, KIBAN_LOG_LEVEL: ctx.env['KIBAN_LOG_LEVEL'] ?? 'warn', KIBAN_JOBS_ON_STOP: 'end' }
  const server = startServer(env, { quiet: true })
  try {
    await waitUntilReady(ctx.client, server)
    ctx.say(`Kiban is at ${ctx.url}`)
    const gone = server.ended.then((status) => {
      if (ctx.signal.aborted) return
      throw new Error(
        `The server ended with status ${status}. Start again: the example goes on where it was. ${server.tail()}`,
      )
    })
    await Promise.race([liveAndStay(ctx, options, gone), gone]).catch(async (error: unknown) => {
      // A request that failed because the server is gone is told as what it is.
      await Promise.race([gone, sleep(500, undefined, { ref: false })])
      throw error
    })
  } finally {
    await server.stop()
  }
}

async function liveAndStay(
  ctx: CommandContext,
  options: { readonly exit: boolean },
  gone: Promise<void> | undefined,
): Promise<void> {
  let failure: unknown
  try {
    await live(ctx)
  } catch (error) {
    if (options.exit || ctx.signal.aborted) throw error
    failure = error
  }
  if (options.exit) return
  if (failure !== undefined) ctx.say(`kiban: ${failure instanceof Error ? failure.message : String(failure)}`)
  ctx.say(`Kiban stays at ${ctx.url} until Ctrl-C.`)
  await Promise.race([aborted(ctx.signal), ...(gone === undefined ? [] : [gone])])
  if (failure !== undefined) throw failure
}

async function live(ctx: CommandContext): Promise<void> {
  const folder = join(repositoryRoot(), 'examples', 'flights')
  const life: Life = { client: ctx.client, project: 'flights', folder, signal: ctx.signal }
  const revision = await applyFolder(ctx.client, folder)
  ctx.say(`Project flights, revision ${revision.number}: ${ctx.url}/p/flights`)
  const { runs } = await ctx.client.listPipelineRuns({ project: life.project, pipeline: 'compare', state: 'succeeded' })
  if (runs.length === 0) await year(life)
  else ctx.say(`The year is over: the replay stands at ${(await today(life)) ?? 'its beginning'}.`)
  await summarize(ctx, life)
}

async function year(life: Life): Promise<void> {
  const airline = await Airline.open(life.folder)
  const counts: ReplayCounts = { requests: 0, flights: 0, lost: 0, lastId: undefined, firstLoss: undefined }
  const progress = new Progress(STEPS)
  try {
    await progress.step('ingest', (say) => steps.ingest(life, say))
    await progress.step('validate', (say) => steps.validate(life, say))
    await progress.step('train', (say) => steps.trainFirst(life, say))
    await progress.step('deploy', (say) => steps.deploy(life, airline, say))
    await progress.step('serve', (say) => steps.serveUntilAlert(life, airline, counts, say))
    await progress.step('retrain', (say) => steps.retrain(life, say))
    await progress.step('canary', (say) => steps.canary(life, airline, counts, say))
    await progress.step('refusal', (say) => steps.refusal(life, airline, say))
    await progress.step('roll back', (say) => steps.rollBack(life, airline, counts, say))
    await progress.step('autumn', (say) => steps.restOfYear(life, airline, counts, say))
    await progress.step('compare', (say) => steps.compare(life, say))
    await progress.step('trace', (say) => steps.traceOne(life, say))
    if (counts.lost > 0)
      throw new Error(
        `${counts.lost} of ${counts.requests} requests were lost, the first with ${counts.firstLoss ?? ''}`,
      )
  } finally {
    airline.close()
  }
}

async function summarize(ctx: CommandContext, life: Life): Promise<void> {
  const figures = await readFigures(life)
  const mark = (ok: boolean | null) => (ok === null ? '' : ok ? 'ok' : 'OUTSIDE')
  process.stdout.write(
    `\n${table(
      ['FIGURE', 'VALUE', 'EXPECTED', '', 'FROM'],
      figures.map((one) => [one.what, one.value, one.expected, mark(one.ok), one.from]),
    )}\n\n`,
  )
  ctx.say(
    'The set-up was chosen with the whole year in view: the figures are reproduced, they do not say what retraining brings.',
  )
  const outside = figures.filter((one) => one.ok === false)
  if (outside.length > 0)
    throw new Error(
      `${outside.length} figures are outside of what is expected: ${outside.map((one) => one.what).join(', ')}`,
    )
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
