import type { Client, InputOf } from '@kiban/client'
import { ApiError } from '@kiban/client'
import type { z } from 'zod'
import type { projects } from '@kiban/contract'
import type { ProjectSnapshot } from './project-folder.ts'
import { snapshotProject, uploadMissing, withSources } from './project-folder.ts'

/** Applies a project's folder, creating the project when it is new. Throws ApiError `project_file_invalid` with every fault. */
export async function applyFolder(client: Client, folder: string): Promise<projects.Revision> {
  const snapshot = await openProject(client, folder)
  return await client.applyProject({ project: snapshot.name, ...applyBody(snapshot) })
}

/** Reads a project's folder and makes sure that the project is there and has the bytes of its files. */
export async function openProject(client: Client, folder: string): Promise<ProjectSnapshot> {
  const snapshot = await snapshotProject(folder)
  try {
    await client.getProject({ project: snapshot.name })
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
    await client.createProject({ name: snapshot.name })
  }
  await uploadMissing(client, snapshot.name, withSources(snapshot))
  return snapshot
}

/** The body of an apply or a plan. */
export function applyBody(snapshot: ProjectSnapshot): Omit<InputOf<typeof projects.applyProject>, 'project'> {
  return {
    text: snapshot.text,
    files: [...snapshot.files],
    ...(snapshot.git === undefined ? {} : { git: snapshot.git }),
  }
}

/** Changes for people, one a line: `+` made, `~` changed, `-` archived. */
export function describeChanges(changes: ReadonlyArray<z.infer<typeof projects.Change>>): string {
  const sign = { create: '+', update: '~', archive: '-' } as const
  if (changes.length === 0) return 'nothing changes'
  return changes
    .map((one) => `${sign[one.kind]} ${one.noun} ${one.name}${one.detail === undefined ? '' : `  ${one.detail}`}`)
    .join('\n')
}
