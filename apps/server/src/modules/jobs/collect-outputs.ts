import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobOutput, OutputType } from '@kiban/contract/jobs'
import { Json } from '@kiban/contract/primitives'
import type { BlobStore } from '@kiban/kit/blobs'
import { AppError } from '@kiban/kit/errors'
import { putManifest, snapshotFolder } from '@kiban/kit/manifests'
import type { ParsedJobSpec } from './job-spec.ts'

const MAX_VALUE_BYTES = 64 * 1024
const FOLDERS: readonly OutputType[] = ['dataset', 'model', 'folder']

export function isFolder(type: OutputType): boolean {
  return FOLDERS.includes(type)
}

export type DeclaredOutput = { readonly name: string; readonly type: OutputType; readonly optional: boolean }

export function declaredOutputs(spec: Pick<ParsedJobSpec, 'outputs'>): DeclaredOutput[] {
  return Object.entries(spec.outputs).map(([name, output]) =>
    typeof output === 'string'
      ? { name, type: output, optional: false }
      : { name, type: output.type, optional: output.optional ?? false },
  )
}

/**
 * Takes in what an attempt left in its outputs folder. Returns a sentence instead when one is missing (`output_missing`) or is not what
 * was declared (`output_type`), naming the output and the remedy. Folders and files become trees in the blob store; the tree of a file
 * has one entry with the output's name.
 */
export async function collectOutputs(
  blobs: BlobStore,
  folder: string,
  declared: readonly DeclaredOutput[],
): Promise<Record<string, JobOutput> | string> {
  const outputs: Record<string, JobOutput> = {}
  for (const output of declared) {
    const result = await collect(blobs, join(folder, output.name), output)
    if (typeof result === 'string') return result
    if (result) outputs[output.name] = result
  }
  return outputs
}

async function collect(
  blobs: BlobStore,
  path: string,
  { name, type, optional }: DeclaredOutput,
): Promise<JobOutput | string | undefined> {
  const found = await lstat(path).catch(() => undefined)
  const missing = `The output ${name} (${type}) is missing: nothing was written to $KIBAN_OUTPUTS/${name}. [output_missing]`
  if (!found) return optional ? undefined : missing
  if (found.isSymbolicLink())
    return `The output ${name} is a link. Copy the bytes to $KIBAN_OUTPUTS/${name}. [output_type]`
  if (isFolder(type)) {
    if (!found.isDirectory())
      return `The output ${name} is declared as ${type}, so $KIBAN_OUTPUTS/${name} must be a folder with files; it is a file. [output_type]`
    return collectFolder(blobs, path, { name, type, optional }, missing)
  }
  if (!found.isFile())
    return `The output ${name} is declared as ${type}, so $KIBAN_OUTPUTS/${name} must be a file; it is not. [output_type]`
  if (type === 'file') {
    const blob = await blobs.putFile(path)
    const tree = await putManifest(blobs, [{ path: name, ...blob }])
    return { type, tree, sizeBytes: blob.sizeBytes, fileCount: 1 }
  }
  if (found.size > MAX_VALUE_BYTES)
    return `The output ${name} (${type}) has ${found.size} bytes; a small value has at most ${MAX_VALUE_BYTES}. Declare it as file. [output_type]`
  return parseValue(name, type, await readFile(path, 'utf8'))
}

async function collectFolder(
  blobs: BlobStore,
  path: string,
  { name, type, optional }: DeclaredOutput,
  missing: string,
): Promise<JobOutput | string | undefined> {
  try {
    const { hash, files, sizeBytes } = await snapshotFolder(blobs, path)
    if (files.length === 0 && type !== 'folder') return optional ? undefined : missing
    return { type, tree: hash, sizeBytes, fileCount: files.length }
  } catch (error) {
    // Links, devices, hostile names and too many files are the job's fault; anything else is ours.
    if (error instanceof AppError && error.code === 'bad_request')
      return `The output ${name} can't be stored: ${error.message} [output_type]`
    throw error
  }
}

function parseValue(name: string, type: OutputType, text: string): JobOutput | string {
  const bare = text.replace(/\r?\n$/, '')
  const wrong = `The output ${name} is declared as ${type}, but $KIBAN_OUTPUTS/${name} has ${JSON.stringify(bare.slice(0, 80))}. [output_type]`
  if (type === 'string') return { type, value: bare }
  if (type === 'json') {
    try {
      return { type, value: Json.parse(JSON.parse(text)) }
    } catch {
      return wrong
    }
  }
  const word = bare.trim()
  if (type === 'bool') return word === 'true' || word === 'false' ? { type, value: word === 'true' } : wrong
  const number = word === '' ? Number.NaN : Number(word)
  if (!Number.isFinite(number) || (type === 'int' && !Number.isSafeInteger(number))) return wrong
  return { type, value: number }
}
