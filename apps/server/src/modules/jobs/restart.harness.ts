// A server with the modules that jobs need, for restart.test.ts: submits the jobs of a file (the same ones again after a restart).
import { readFileSync } from 'node:fs'
import { readConfig } from '@kiban/kit/config'
import { createLogger } from '@kiban/kit/log'
import { inTransaction } from '@kiban/kit/context'
import { startApp } from '../../app.ts'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { environments } from '../environments/index.ts'
import { projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { jobs, submitJob } from './index.ts'
import type { JobSpec } from './index.ts'

const app = await startApp({
  config: readConfig(process.env),
  modules: [projects, access, audit, secrets, environments, jobs],
  log: createLogger({ level: 'warn' }),
})
// The test writes this file as JobSpec[].
const specs = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as JobSpec[]
const ids = await inTransaction(app.ctx, async (ctx) => {
  const made: string[] = []
  for (const spec of specs) made.push(await submitJob(ctx, spec))
  return made
})
process.stdout.write(`submitted ${JSON.stringify(ids)}\n`)
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))
