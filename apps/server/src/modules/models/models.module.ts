import type { Module } from '@kiban/kit/module'
import { applyModels } from './apply-models.ts'
import { evaluateStep } from './evaluate-step.ts'
import { modelVersionFaces } from './mlflow/model-versions.faces.ts'
import { registeredModelFaces } from './mlflow/registered-models.faces.ts'
import { modelsMigrations } from './models.migrations.ts'
import { modelRoutes } from './models.routes.ts'
import { releaseStep } from './release-step.ts'

export const models: Module = {
  name: 'models',
  migrations: modelsMigrations,
  routes: modelRoutes,
  faces: [...registeredModelFaces, ...modelVersionFaces],
  components: { 'kiban/release': releaseStep, 'kiban/evaluate': evaluateStep },
  apply: applyModels,
}
