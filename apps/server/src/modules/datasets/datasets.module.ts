import type { Module } from '@kiban/kit/module'
import { applyDatasets } from './apply-datasets.ts'
import { migrations } from './datasets.migrations.ts'
import { routes } from './datasets.routes.ts'
import { datasetsLoop } from './datasets.worker.ts'
import { validateStep } from './validate-step.ts'

export const datasets: Module = {
  name: 'datasets',
  migrations,
  routes,
  loops: [datasetsLoop],
  components: { 'kiban/validate': validateStep },
  apply: applyDatasets,
}
