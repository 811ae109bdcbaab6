import type { CommandSpec } from '../command.ts'
import { startServer, waitUntilReady } from '../server-process.ts'

/** `kiban up`: the server alone, until Ctrl-C. */
export const up: CommandSpec = {
  name: 'up',
  summary: 'Start the server and stay; Ctrl-C ends it',
  example: 'KIBAN_HOME=~/work kiban up',
  run: async ({ client, env, signal, url, say }) => {
    const server = startServer(env, { quiet: false })
    const stop = () => void server.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await waitUntilReady(client, server)
      say(`Kiban is at ${url}`)
    } catch (error) {
      // The server has said on stderr why it ended.
      if (!signal.aborted) throw error
    }
    const status = await server.ended
    if (status !== 0 && !signal.aborted) throw new Error(`The server ended with status ${status}.`)
    return undefined
  },
}
