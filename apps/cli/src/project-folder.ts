import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readFile, readdir } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from '@kiban/client'
import { UsageError } from './command.ts'
import { projectNameIn } from './project-name.ts'

const execute = promisify(execFile)
const LEFT_OUT = new Set(['.git', 'node_modules', '.venv', '__pycache__', '.ipynb_checkpoints'])
const MAX_DIFF = 200_000

export type LocalFile = {
  readonly path: string
  readonly hash: string
  readonly sizeBytes: number
  readonly mode: number
}
export type GitState = { readonly commit: string; readonly dirty: boolean; readonly diff?: string }
export type ProjectSnapshot = {
  readonly name: string
  readonly folder: string
  readonly text: string
  readonly files: readonly LocalFile[]
  readonly git: GitState | undefined
}

/**
 * The project's files as git tracks them, with what is new and not ignored; outside git everything but `.git`, `node_modules`
 * and `.venv`. Links are left out. Throws a UsageError when the folder has no kiban.yaml.
 */
export async function snapshotProject(folder: string): Promise<ProjectSnapshot> {
  const file = join(folder, 'kiban.yaml')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined)
    throw new UsageError(`${folder} has no kiban.yaml. Call it in a project's folder, or name the folder.`)
  const git = await gitState(folder)
  const paths = git === undefined ? await walk(folder, folder) : await trackedFiles(folder)
  const files: LocalFile[] = []
  for (const path of paths.toSorted()) {
    const stat = await lstat(join(folder, path)).catch(() => undefined)
    if (stat?.isFile() !== true) continue
    files.push({
      path,
      hash: await hashFile(join(folder, path)),
      sizeBytes: stat.size,
      mode: stat.mode & 0o111 ? 0o755 : 0o644,
    })
  }
  return { name: projectNameIn(text, file), folder: resolve(folder), text, files, git }
}

/** Uploads those of the files that the project does not have yet. Gives how many bytes were sent. */
export async function uploadMissing(
  client: Client,
  project: string,
  files: readonly { readonly hash: string; readonly sizeBytes: number; readonly from: string }[],
): Promise<number> {
  if (files.length === 0) return 0
  const byHash = new Map(files.map((file) => [file.hash, file]))
  const { missing } = await client.listMissingBlobs({ project, hashes: [...byHash.keys()] })
  let sent = 0
  for (const hash of missing) {
    const file = byHash.get(hash)
    if (file === undefined) continue
    await client.putBlob({ project, sha256: hash, body: new Uint8Array(await readFile(file.from)) })
    sent += file.sizeBytes
  }
  return sent
}

/** The files of a snapshot with where they lie, for `uploadMissing`. */
export function withSources(snapshot: ProjectSnapshot): { hash: string; sizeBytes: number; from: string }[] {
  return snapshot.files.map((file) => ({
    hash: file.hash,
    sizeBytes: file.sizeBytes,
    from: join(snapshot.folder, file.path),
  }))
}

/** SHA-256 of a file in hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer) // a stream without an encoding gives buffers
  return hash.digest('hex')
}

async function gitState(folder: string): Promise<GitState | undefined> {
  const commit = await git(folder, ['rev-parse', 'HEAD'])
  if (commit === undefined) return undefined
  // A folder that git ignores altogether is no part of the repository that it happens to lie in.
  if ((await git(folder, ['check-ignore', '-q', '.'])) !== undefined) return undefined
  const status = (await git(folder, ['status', '--porcelain', '--', '.'])) ?? ''
  if (status.trim() === '') return { commit: commit.trim(), dirty: false }
  const diff = (await git(folder, ['diff', 'HEAD', '--', '.'])) ?? ''
  return { commit: commit.trim(), dirty: true, diff: diff.slice(0, MAX_DIFF) }
}

async function trackedFiles(folder: string): Promise<string[]> {
  const listed = await git(folder, ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '.'])
  return [...new Set((listed ?? '').split('\0').filter((path) => path !== ''))]
}

async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await execute('git', args, { cwd: folder, maxBuffer: 64 << 20 })
    return stdout
  } catch {
    return undefined
  }
}

async function walk(root: string, folder: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...(await walk(root, path)))
    else if (entry.isFile()) found.push(relative(root, path).split(sep).join('/'))
  }
  return found
}

/** The repository's root: where `apps/server` and `examples` are. */
export function repositoryRoot(): string {
  return dirname(dirname(dirname(import.meta.dirname)))
}
