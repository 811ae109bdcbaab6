import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const Port = z.coerce.number().int().min(1).max(65535)

const ServerFile = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: Port.default(7300),
  grpcPort: Port.default(7301),
  inferencePort: Port.default(7302),
  home: z.string().default(join(homedir(), '.kiban')),
  databaseUrl: z.string().optional(),
  blobsUrl: z.string().optional(),
  auth: z.enum(['off', 'on']).default('off'),
  publicUrl: z.string().optional(),
  allowedHosts: z.array(z.string()).default([]),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

export type Config = Readonly<Omit<z.infer<typeof ServerFile>, 'databaseUrl'>> & { readonly databaseUrl: string }

const ENVIRONMENT: Readonly<Record<string, keyof z.input<typeof ServerFile>>> = {
  KIBAN_HOST: 'host',
  KIBAN_PORT: 'port',
  KIBAN_GRPC_PORT: 'grpcPort',
  KIBAN_INFERENCE_PORT: 'inferencePort',
  KIBAN_HOME: 'home',
  KIBAN_DATABASE_URL: 'databaseUrl',
  KIBAN_BLOBS_URL: 'blobsUrl',
  KIBAN_AUTH: 'auth',
  KIBAN_PUBLIC_URL: 'publicUrl',
  KIBAN_ALLOWED_HOSTS: 'allowedHosts',
  KIBAN_LOG_LEVEL: 'logLevel',
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/**
 * Reads `kiban.server.yaml` (in `folder`, optional) and the environment, which wins. Throws an Error whose message names the key,
 * the value and the remedy.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>, folder: string = process.cwd()): Config {
  const file = join(folder, 'kiban.server.yaml')
  const fromFile: unknown = existsSync(file) ? parse(readFileSync(file, 'utf8')) : {}
  const merged: Record<string, unknown> = { ...(fromFile as object) }
  for (const [variable, key] of Object.entries(ENVIRONMENT)) {
    const value = env[variable]
    if (value !== undefined && value !== '') merged[key] = key === 'allowedHosts' ? value.split(',') : value
  }
  const parsed = ServerFile.safeParse(merged)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const key = String(issue?.path[0] ?? 'kiban.server.yaml')
    const variable = Object.keys(ENVIRONMENT).find((name) => ENVIRONMENT[name] === key)
    throw new Error(
      `The setting ${key}${variable ? ` (${variable})` : ''} is ${JSON.stringify(merged[key])}: ${issue?.message}. Correct it in kiban.server.yaml or in the environment.`,
    )
  }
  const config = parsed.data
  const home = resolve(config.home)
  if (config.auth === 'off' && !LOOPBACK.has(config.host))
    throw new Error(
      `KIBAN_AUTH=off is allowed only on a loopback address, but KIBAN_HOST is ${config.host}. Set KIBAN_HOST=127.0.0.1.`,
    )
  if (config.auth === 'on')
    throw new Error(
      'KIBAN_AUTH=on is not there yet: sign-in comes with a later version. Set KIBAN_AUTH=off and stay on a loopback address.',
    )
  if (config.blobsUrl !== undefined && !config.blobsUrl.startsWith('file:'))
    throw new Error(
      `KIBAN_BLOBS_URL is ${config.blobsUrl}, but only file: is there yet. Leave it out to keep the blobs in KIBAN_HOME.`,
    )
  return { ...config, home, databaseUrl: config.databaseUrl ?? `sqlite:${join(home, 'kiban.db')}` }
}
