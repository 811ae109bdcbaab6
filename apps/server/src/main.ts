import { readConfig } from '@kiban/kit/config'
import { createLogger } from '@kiban/kit/log'
import { startApp } from './app.ts'
import { serverModules } from './modules.ts'

try {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel })
  const app = await startApp({ config, modules: serverModules(), log })
  log.info({ url: app.url, home: config.home }, 'ready')
  let ending = false
  const end = (signal: string) => {
    if (ending) return
    ending = true
    log.info({ signal }, 'ending')
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'could not end in order')
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', () => end('SIGINT'))
  process.on('SIGTERM', () => end('SIGTERM'))
} catch (error) {
  process.stderr.write(`kiban server: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
