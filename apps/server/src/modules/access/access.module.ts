import type { Module } from '@kiban/kit/module'
import { migrations } from './access.migrations.ts'

export const access: Module = { name: 'access', migrations }
