import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { folderBlobStore } from './blobs.ts'
import { sha256 } from './canonical-json.ts'
import { getManifest, materialize, putManifest, snapshotFolder } from './manifests.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'kiban-blobs-'))

test('what was put is read back, in whole and in part, and stored once', async () => {
  const root = folder()
  const blobs = folderBlobStore(root)
  const ref = await blobs.put(Buffer.from('hello, world'))
  expect(ref).toEqual({ hash: sha256('hello, world'), sizeBytes: 12 })
  expect(await blobs.put(Readable.from(['hello, ', 'world']))).toEqual(ref)
  expect((await blobs.read(ref.hash)).toString()).toBe('hello, world')
  expect(await text(await blobs.open(ref.hash, { start: 7, end: 11 }))).toBe('world')
  expect(await blobs.sizeOf(sha256('other'))).toBeUndefined()
  expect(readdirSync(join(root, 'staging'))).toEqual([])
})

test('a body that is not what its address says leaves nothing behind', async () => {
  const root = folder()
  const blobs = folderBlobStore(root)
  await expect(blobs.put(Buffer.from('x'), { expected: sha256('y') })).rejects.toMatchObject({ code: 'bad_request' })
  await expect(blobs.put(Buffer.alloc(100), { maxBytes: 10 })).rejects.toMatchObject({ code: 'payload_too_large' })
  expect(readdirSync(root)).toEqual(['staging'])
  expect(readdirSync(join(root, 'staging'))).toEqual([])
})

test('a hash from outside cannot name a path', async () => {
  const blobs = folderBlobStore(folder())
  for (const hash of ['../../etc/passwd', 'AB', '', `${'a'.repeat(63)}/`])
    await expect(blobs.read(hash)).rejects.toMatchObject({ code: 'bad_request' })
})

test('a folder becomes a tree and the tree becomes the folder again, read-only', async () => {
  const blobs = folderBlobStore(folder())
  const source = folder()
  writeFileSync(join(source, 'b.txt'), 'b')
  writeFileSync(join(source, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  const tree = await snapshotFolder(blobs, source)
  expect((await getManifest(blobs, tree.hash)).map((file) => file.path)).toEqual(['b.txt', 'run.sh'])
  expect((await snapshotFolder(blobs, source)).hash).toBe(tree.hash)
  const target = join(folder(), 'out')
  await materialize(blobs, tree.hash, target)
  expect(readFileSync(join(target, 'b.txt'), 'utf8')).toBe('b')
  expect(statSync(join(target, 'b.txt')).mode & 0o777).toBe(0o444)
  expect(statSync(join(target, 'run.sh')).mode & 0o111).not.toBe(0)
})

test('a tree with a hostile path or with two files of one path is refused', async () => {
  const blobs = folderBlobStore(folder())
  const { hash } = await blobs.put(Buffer.from('x'))
  const file = (path: string) => ({ path, hash, sizeBytes: 1 })
  await expect(putManifest(blobs, [file('../x')])).rejects.toMatchObject({ code: 'bad_request' })
  await expect(putManifest(blobs, [file('x'), file('x')])).rejects.toMatchObject({ code: 'bad_request' })
})
