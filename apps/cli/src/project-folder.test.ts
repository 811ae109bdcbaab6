import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UsageError } from './command.ts'
import { snapshotProject } from './project-folder.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kiban-cli-'))
  writeFileSync(join(folder, 'kiban.yaml'), 'kiban: 1\nproject: { name: tiny, title: Tiny }\n')
  writeFileSync(join(folder, 'train.py'), 'print(1)\n')
  for (const name of ['.venv', 'node_modules']) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'big'), 'x')
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.example', ...args], { cwd: folder, stdio: 'pipe' })

describe('snapshotProject', () => {
  it('outside git takes everything but what is rebuilt', async () => {
    const got = await snapshotProject(folder)
    expect(got.name).toBe('tiny')
    expect(got.files.map((file) => file.path)).toEqual(['kiban.yaml', 'train.py'])
    expect(got.files[1]).toMatchObject({ sizeBytes: 9, mode: 0o644, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(got.git).toBeUndefined()
  })

  it('in git takes what is tracked or new, not what is ignored, and says what differs from the commit', async () => {
    writeFileSync(join(folder, '.gitignore'), '.venv\nnode_modules\n*.log\n')
    git('init', '-q')
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    expect((await snapshotProject(folder)).git).toMatchObject({
      dirty: false,
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
    writeFileSync(join(folder, 'train.py'), 'print(2)\n')
    writeFileSync(join(folder, 'new.sql'), 'SELECT 1')
    writeFileSync(join(folder, 'a.log'), 'noise')
    const got = await snapshotProject(folder)
    expect(got.files.map((file) => file.path)).toEqual(['.gitignore', 'kiban.yaml', 'new.sql', 'train.py'])
    expect(got.git).toMatchObject({ dirty: true, diff: expect.stringContaining('+print(2)') })
  })

  it('leaves links out: they may lead anywhere', async () => {
    symlinkSync('/etc/passwd', join(folder, 'passwd'))
    expect((await snapshotProject(folder)).files.map((file) => file.path)).not.toContain('passwd')
  })

  it('says which folder has no kiban.yaml', async () => {
    rmSync(join(folder, 'kiban.yaml'))
    await expect(snapshotProject(folder)).rejects.toThrow(UsageError)
    await expect(snapshotProject(folder)).rejects.toThrow(folder)
  })

  it.each([
    ['project: tiny', 'tiny'],
    ['project: "tiny"', 'tiny'],
    ['project: { title: "Tiny one", name: tiny }', 'tiny'],
    ['project:\n  name: tiny\n  title: x', 'tiny'],
  ])('finds the name in %j', async (yaml, name) => {
    writeFileSync(join(folder, 'kiban.yaml'), `kiban: 1\n${yaml}\n`)
    expect((await snapshotProject(folder)).name).toBe(name)
  })
})
