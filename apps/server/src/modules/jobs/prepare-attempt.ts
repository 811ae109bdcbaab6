import { createHash } from 'node:crypto'
import { chmod, constants, copyFile, lstat, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { artifactPath } from '@kiban/kit/artifact-path'
import type { BlobStore } from '@kiban/kit/blobs'
import type { Config } from '@kiban/kit/config'
import { getManifest, materialize } from '@kiban/kit/manifests'
import type { Json } from '@kiban/contract/primitives'
import type { AttemptFolder } from './attempt-folder.ts'
import { declaredOutputs, isFolder } from './collect-outputs.ts'
import type { JobText, ParsedJobSpec } from './job-spec.ts'
import { MARK } from './process-table.ts'

/** What a supervisor is started with. */
export type Launch = {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly dir: string
}

export type PrepareInput = {
  readonly blobs: BlobStore
  readonly folder: AttemptFolder
  readonly spec: ParsedJobSpec
  /** The environment's folder and variables, if the job has one, and the folder of the machine's own Python. */
  readonly environment: { readonly bin: string | null; readonly env: Readonly<Record<string, string>> }
  readonly pythonBin: string | null
  /** Values by the secrets' names. */
  readonly secrets: Readonly<Record<string, string>>
  readonly token: string
  readonly config: Pick<Config, 'host' | 'port'>
  readonly jobId: string
  readonly attempt: number
  readonly cpu: number
}

/** The command refers to something that the job does not have: its own fault, so it is not tried again. */
export class UnstartableJob extends Error {}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const PYTHON_PACKAGE = fileURLToPath(new URL('../../../../../python/kiban/src', import.meta.url))
// One variable may have at most 128 KiB on Linux (MAX_ARG_STRLEN).
const MAX_VARIABLE_BYTES = 128 * 1024 - 1

/** Makes the attempt's folder new, with code, inputs and empty outputs, and says how to start the command. */
export async function prepareAttempt(input: PrepareInput): Promise<Launch> {
  const { folder, spec } = input
  await rm(folder.root, { recursive: true, force: true })
  for (const path of [
    folder.work,
    folder.inputs,
    folder.outputs,
    folder.tmp,
    folder.secrets,
    folder.control,
    folder.checkpoints,
  ])
    await mkdir(path, { recursive: true, mode: 0o700 })
  if (spec.code !== null) await copyCode(input.blobs, spec.code, folder.work)
  for (const [name, value] of Object.entries(spec.inputs))
    if ('tree' in value) await placeInput(input.blobs, join(folder.inputs, name), value)
  for (const { name, type } of declaredOutputs(spec))
    if (isFolder(type)) await mkdir(join(folder.outputs, name), { mode: 0o700 })
  await linkUnlessTaken(folder.inputs, join(folder.work, 'inputs'))
  await linkUnlessTaken(folder.outputs, join(folder.work, 'outputs'))
  for (const [name, value] of Object.entries(input.secrets))
    await writeFile(join(folder.secrets, name), value, { mode: 0o400 })
  return { argv: commandOf(input), env: variablesOf(input), dir: await startFolder(folder, spec.dir ?? '') }
}

function commandOf({ spec, folder }: PrepareInput): string[] {
  if (spec.script !== undefined) return ['bash', '-eo', 'pipefail', '-c', spec.script]
  const [command, ...rest] = (spec.argv ?? []).map((text) => resolveText(text, folder))
  if (spec.platform && command === 'kiban-node')
    return [process.execPath, '--disable-warning=ExperimentalWarning', ...rest]
  return [command ?? '', ...rest]
}

function variablesOf(input: PrepareInput): Record<string, string> {
  const { spec, folder, config } = input
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const threads = String(Math.max(1, Math.floor(input.cpu)))
  const variables: Record<string, string> = {
    PATH: [input.environment.bin, input.pythonBin, SYSTEM_PATH].filter((part) => part !== null).join(':'),
    HOME: folder.work,
    TMPDIR: folder.tmp,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    PYTHONPATH: PYTHON_PACKAGE,
    PYTHONUNBUFFERED: '1',
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
    OMP_WAIT_POLICY: 'PASSIVE',
    ...input.environment.env,
    TRACEPARENT: traceParent(input),
    ...Object.fromEntries(Object.entries(spec.env).map(([name, text]) => [name, resolveText(text, folder)])),
    ...Object.fromEntries(
      Object.entries(spec.secretEnv ?? {}).map(([name, secret]) => [name, input.secrets[secret] ?? '']),
    ),
    [MARK]: `${input.jobId}/${input.attempt}`,
    KIBAN_INPUTS: folder.inputs,
    KIBAN_OUTPUTS: folder.outputs,
    KIBAN_CHECKPOINTS: folder.checkpoints,
    KIBAN_SECRETS: folder.secrets,
    KIBAN_PARAMS: JSON.stringify(paramsOf(spec)),
    KIBAN_PROJECT: spec.project,
    MLFLOW_TRACKING_URI: `http://${host}:${config.port}`,
    MLFLOW_TRACKING_TOKEN: input.token,
    ...(spec.runId === null ? {} : { MLFLOW_RUN_ID: spec.runId }),
  }
  for (const [name, value] of Object.entries(variables)) {
    if (value.includes('\0')) throw new UnstartableJob(`The variable ${name} has a NUL character.`)
    if (Buffer.byteLength(name) + 1 + Buffer.byteLength(value) > MAX_VARIABLE_BYTES)
      throw new UnstartableJob(
        `The variable ${name} has ${Buffer.byteLength(value)} bytes, and the system allows ${MAX_VARIABLE_BYTES}. Hand it over as a file input.`,
      )
  }
  return variables
}

/** Parameters and small input values together (project-file §2: what is no artifact is in `$KIBAN_PARAMS`). */
function paramsOf(spec: ParsedJobSpec): Json {
  const values = Object.entries(spec.inputs).flatMap(([name, input]) =>
    'value' in input ? [[name, input.value] as const] : [],
  )
  if (typeof spec.params !== 'object' || spec.params === null || Array.isArray(spec.params))
    return values.length === 0 ? spec.params : Object.fromEntries(values)
  return { ...spec.params, ...Object.fromEntries(values) }
}

/** W3C trace context: one trace for an owner (a pipeline run's step), one span for an attempt. */
function traceParent({ spec, jobId, attempt }: PrepareInput): string {
  const hex = (text: string, length: number) => createHash('sha256').update(text).digest('hex').slice(0, length)
  return `00-${hex(spec.owner.id, 32)}-${hex(`${jobId}/${attempt}`, 16)}-01`
}

function resolveText(text: JobText, folder: AttemptFolder): string {
  if (typeof text === 'string') return text
  return text
    .map((piece) => {
      if (typeof piece === 'string') return piece
      return 'input' in piece ? join(folder.inputs, piece.input) : join(folder.outputs, piece.output)
    })
    .join('')
}

/** Code is copied, not linked: a script that writes beside itself must not reach the blob. */
async function copyCode(blobs: BlobStore, manifest: string, target: string): Promise<void> {
  for (const file of await getManifest(blobs, manifest)) {
    const path = join(target, artifactPath(file.path))
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const local = blobs.localPath(file.hash)
    if (local !== undefined) await copyFile(local, path, constants.COPYFILE_FICLONE)
    else await writeFile(path, await blobs.read(file.hash))
    await chmod(path, file.mode === 0o755 ? 0o700 : 0o600)
  }
}

async function placeInput(
  blobs: BlobStore,
  path: string,
  input: { readonly tree: string; readonly type?: string | undefined },
): Promise<void> {
  if (input.type !== 'file') return materialize(blobs, input.tree, path)
  const [file, ...more] = await getManifest(blobs, input.tree)
  if (!file || more.length > 0)
    throw new UnstartableJob(
      `The input ${path.split('/').at(-1)} is declared as file, but its tree has ${more.length + (file ? 1 : 0)} files.`,
    )
  await blobs.link(file.hash, path)
}

/** So that `inputs/x` and `outputs/y` work from the code's own folder, unless the code has something of that name. */
async function linkUnlessTaken(target: string, path: string): Promise<void> {
  await symlink(target, path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
}

async function startFolder(folder: AttemptFolder, dir: string): Promise<string> {
  const found = dir === '' ? undefined : await lstat(join(folder.work, dir)).catch(() => undefined)
  if (dir !== '' && !found?.isDirectory())
    throw new UnstartableJob(`\`dir\` is ${dir}, but the code of the step has no such folder. Add it to \`code\`.`)
  return dir
}
