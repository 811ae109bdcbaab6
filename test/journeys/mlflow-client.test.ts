import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProcess } from '@kiban/kit/subprocess'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { gatekeeper } from '../../apps/server/src/modules/access/index.ts'
import { serverModules } from '../../apps/server/src/modules.ts'

const PACKAGES = ['mlflow-skinny==3.17.2', 'scikit-learn==1.9.1', 'pandas==3.1.1']
const VENV = join(process.env['KIBAN_TEST_CACHE'] ?? join(homedir(), '.cache', 'kiban-test'), 'mlflow-3.17.2')
const PYTHON = join(VENV, 'bin', 'python')

let app: TestApp
beforeAll(async () => {
  if (!existsSync(join(VENV, 'ready'))) {
    await run(['python3', '-m', 'venv', VENV])
    await run([PYTHON, '-m', 'pip', 'install', '-q', ...PACKAGES])
    await run(['touch', join(VENV, 'ready')])
  }
  app = await startTestApp({ modules: serverModules(), gatekeeper })
})
afterAll(() => app.close())

async function run(argv: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const result = await runProcess(argv, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...env },
    timeoutMs: 500_000,
  })
  if (result.code !== 0) throw new Error(`${argv.join(' ')} ended with ${result.code}:\n${result.stderr.slice(-4000)}`)
  return result.stdout
}

async function runScript(name: string, env: Readonly<Record<string, string>> = {}): Promise<Record<string, unknown>> {
  const script = join(import.meta.dirname, name)
  const output = await run([PYTHON, script], {
    MLFLOW_TRACKING_URI: app.url,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0',
    ...env,
  })
  return JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>
}

test('the unmodified MLflow client logs, searches, autologs, and loads models', async () => {
  expect(await runScript('mlflow_tracking.py')).toMatchObject({
    experiment: ['1', 'first'],
    status: 'FINISHED',
    name: 'one',
    params: { lr: '0.1', opt: 'adam', depth: '3' },
    metrics: { auc: '0.9', nan: 'nan', inf: '1.7976931348623157e+308', loss: '0.2' },
    tags: { team: 'a', stage: 'draft', b: '1', c: null, 'mlflow.runName': 'one' },
    history: [
      [0, 1],
      [1, 0.5],
      [2, 1 / 3],
      [3, 0.25],
      [4, 0.2],
    ],
    artifacts: ['notes', 'raw', 't'],
    notes: [
      ['notes/a b.txt', false, 5],
      ['notes/d.json', false, 12],
    ],
    text: 'hello',
    bytes: true,
    table: [
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ],
    parent: true,
    search: [true, 1],
    page: [1, 1],
    experiments: ['first'],
    param_again: ['INVALID_PARAMETER_VALUE', expect.stringContaining("already logged with value='0.1'")],
    or: ['INVALID_PARAMETER_VALUE', expect.stringContaining("Invalid clause(s) in filter string: 'or'")],
    no_run: ['RESOURCE_DOES_NOT_EXIST', expect.stringContaining('not found')],
    deleted: [1, expect.stringContaining("must be in the 'active' state")],
    twice: 'RESOURCE_DOES_NOT_EXIST',
    renamed: ['renamed', 'v2'],
    autolog: ['500', true, 1, 1],
    load: [true, 150],
    logged_models: 4,
  })
})

test('the same in another project, named by the workspace', async () => {
  const made = await fetch(`${app.url}/api/v1/projects`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'other' }),
  })
  expect(made.ok).toBe(true)
  expect(await runScript('mlflow_tracking.py', { MLFLOW_WORKSPACE: 'other' })).toMatchObject({
    experiment: ['1', 'first'],
    load: [true, 150],
  })
})

test('it registers models, moves aliases and loads by version, alias, latest and id', async () => {
  expect(await runScript('mlflow_registry.py')).toMatchObject({
    versions: ['1', '2', true, 'READY'],
    load: [true, true, true, true],
    alias: '2',
    aliases: { candidate: '2' },
    no_alias: ['INVALID_PARAMETER_VALUE', expect.stringContaining('Registered model alias candidate not found.')],
    model: ['all about irises', { team: 'a' }, ['2']],
    version: ['the first', { checked: 'yes' }, 'None', []],
    search_models: ['iris'],
    search_versions: ['1', '2'],
    by_run: 2,
    stage: ['Staging', '1'],
    copy: ['iris-copy', '1'],
    exists: ['RESOURCE_ALREADY_EXISTS', expect.stringContaining('already exists')],
    source: ['INVALID_PARAMETER_VALUE', 'INVALID_PARAMETER_VALUE', 'INVALID_PARAMETER_VALUE'],
    held: 'PERMISSION_DENIED',
    gone: 'RESOURCE_DOES_NOT_EXIST',
    no_model: 'RESOURCE_DOES_NOT_EXIST',
    renamed: ['flowers', '2'],
    prompt: ['Hello {{name}}', ['flowers']],
  })
})
