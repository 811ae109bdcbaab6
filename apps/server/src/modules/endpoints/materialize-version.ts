import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Platform } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { getManifest } from '@kiban/kit/manifests'
import type { DeploymentRow } from './endpoints.store.ts'

/**
 * Links a version's ONNX file to `KIBAN_HOME/models/<version id>/model.onnx` and returns that path. Only this one file: a model that
 * keeps data outside itself fails to load. Throws an Error that says which file was missed.
 */
export async function materializeVersion(
  platform: Platform,
  version: Pick<DeploymentRow, 'version_id' | 'manifest' | 'model' | 'number'>,
): Promise<string> {
  const folder = join(platform.home, 'models', version.version_id)
  const target = join(folder, 'model.onnx')
  if (existsSync(target)) return target
  const files = (await getManifest(platform.blobs, version.manifest)).filter((file) => file.path.endsWith('.onnx'))
  const file = files.find((candidate) => candidate.path.endsWith('model.onnx')) ?? files[0]
  if (!file)
    throw new Error(
      `Version ${version.number} of model ${version.model} has no .onnx file, and this version of Kiban serves only ONNX. Export the model to ONNX when it is trained.`,
    )
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Linked beside and renamed, so that a file with the final name is always whole.
  const staging = join(folder, newId('tmp'))
  try {
    await platform.blobs.link(file.hash, staging)
    renameSync(staging, target)
  } finally {
    rmSync(staging, { force: true })
  }
  return target
}

/** Removes what `materializeVersion` made; the blobs stay. */
export function forgetVersion(platform: Platform, versionId: string): void {
  rmSync(join(platform.home, 'models', versionId), { recursive: true, force: true })
}
