import type { Module } from '@kiban/kit/module'
import { artifactFaces } from './mlflow/artifacts.faces.ts'
import { experimentFaces } from './mlflow/experiments.faces.ts'
import { loggedModelFaces } from './mlflow/logged-models.faces.ts'
import { runFaces } from './mlflow/runs.faces.ts'
import { serverFaces } from './mlflow/server.faces.ts'
import { trackingMigrations } from './tracking.migrations.ts'
import { trackingRoutes } from './tracking.routes.ts'

export const tracking: Module = {
  name: 'tracking',
  migrations: trackingMigrations,
  routes: trackingRoutes,
  faces: [...serverFaces, ...experimentFaces, ...runFaces, ...loggedModelFaces, ...artifactFaces],
}
