import type { CommandSpec } from '../command.ts'
import { preflight } from '../preflight.ts'

/** `kiban doctor`: what this machine lacks, each with its remedy. */
export const doctor: CommandSpec = {
  name: 'doctor',
  summary: 'Check what a server and its jobs need on this machine',
  example: 'kiban doctor',
  run: async ({ env, client }) => {
    const running = await client.getServer({}, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    )
    const checks = await preflight(env, { portsMayBeTaken: running })
    const text = checks.map((check) => `${check.ok ? 'ok ' : 'NO '} ${check.name}: ${check.message}`).join('\n')
    if (checks.some((check) => !check.ok)) throw new Error(`something is missing\n${text}`)
    return { data: { running, checks }, text }
  },
}
